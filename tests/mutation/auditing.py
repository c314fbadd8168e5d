"""Audits thousands of repositories that differ in one file: what is untouched is read, and judged, once."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from unittest import mock

from auditor.artifacts._base import Artifact
from auditor.engine import _feed, _look, _rules
from auditor.engine._look import Options, look
from auditor.model import Blob, Digest, Finding, Severity, Snapshot, Unread
from auditor.policy import Policy
from auditor.recipes._base import Recipe
from auditor.recipes._platforms import Allowance
from auditor.runs import _reading
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import TINY_BASE, contents

_PARSE, _RECIPE = _reading._parse, _reading._recipe
IN_LFS = (".bin", ".pt", ".pth", ".safetensors", "tokenizer.json")


def stored(path: str, data: bytes) -> Blob:
    """A file as the honest repository stores it: binaries behind Git LFS pointers, the rest in git itself."""
    blob = memory_snapshot("one", {path: data}).files[path]
    content = hashlib.sha256(data).hexdigest()
    lfs = Digest("sha256", content) if path.endswith(IN_LFS) or "tfevents" in path else None
    return blob.replaced(object_id=Digest("git-sha1", hashlib.sha1(data).hexdigest()), lfs=lfs)


class Auditor:
    """The honest run, and what an audit says once one of its files is another."""

    def __init__(self) -> None:
        self.files = dict(contents("tiny", "candidate")[0])
        self.blobs = {path: stored(path, data) for path, data in self.files.items()}
        self.options = Options(base=TINY_BASE)
        self._parsed: dict[str, tuple[list[Artifact], dict[str, Unread]]] = {}
        self._recipes: dict[str, Recipe | None] = {}
        # The base model's folder is the same each time; only the repository changes.
        self.base = (_look.base_config(TINY_BASE), _look.base_folder(TINY_BASE))
        self._kept: dict[int, object] = {id(item): item for item in self.base}
        self._calls: dict[object, tuple[Finding, ...]] = {}
        self.honest = frozenset(map(_identity, self.audit(self.blobs)))

    def new(self, path: str, data: bytes) -> tuple[Finding, ...]:
        """The findings above note that the honest run has not, with this content at this path."""
        found = self.audit({**self.blobs, path: stored(path, data)})
        grave = (item for item in found if item.severity > Severity.NOTE)
        return tuple(item for item in grave if _identity(item) not in self.honest)

    def audit(self, blobs: Mapping[str, Blob]) -> tuple[Finding, ...]:
        """All findings, as `audit check --base fixtures/tiny/base` finds them before they are folded."""
        snapshot = Snapshot("candidate", blobs, kind="memory")
        with (
            mock.patch.object(_reading, "_parse", self._parse),
            mock.patch.object(_reading, "_recipe", self._recipe),
            mock.patch.object(_look, "base_config", return_value=self.base[0]),
            mock.patch.object(_look, "base_folder", return_value=self.base[1]),
        ):
            side = look(snapshot, self.options)
        assert not side.crashed, side.crashed
        found: list[Finding] = []
        for rule in _rules.rules().values():
            for where, arguments in _feed._calls(side, rule):
                found.extend(self._call(rule, where, arguments))
        return tuple(found)

    def _call(self, rule: _rules.Rule, where: str, arguments: Mapping[str, object]) -> tuple[Finding, ...]:
        """What a rule says: once for the same untouched artifacts, anew where it sees the run."""
        values = tuple(value for value in arguments.values() if value is not None)
        key = (rule.id, where, tuple(map(id, arguments.values())))
        if key in self._calls:
            return self._calls[key]
        outcome = _feed.Outcome()
        _feed._call(rule, where, arguments, outcome, Policy())
        assert not outcome.failed, outcome.failed
        if values and all(id(value) in self._kept for value in values):
            self._calls[key] = tuple(outcome.findings)
        return tuple(outcome.findings)

    def _parse(
        self, path: str, blob: Blob, readers: Sequence[type[Artifact]], unread: dict[str, Unread]
    ) -> Iterator[Artifact]:
        if self.blobs.get(path) is not blob:
            yield from _PARSE(path, blob, readers, unread)
            return
        if path not in self._parsed:
            why: dict[str, Unread] = {}
            self._parsed[path] = list(_PARSE(path, blob, readers, why)), why
            self._kept.update({id(item): item for item in self._parsed[path][0]})
        items, why = self._parsed[path]
        unread.update(why)
        yield from items

    def _recipe(
        self, path: str, blob: Blob, unread: dict[str, Unread], allowance: Allowance
    ) -> Recipe | None:
        if self.blobs.get(path) is not blob:
            return _RECIPE(path, blob, unread, allowance)
        if path not in self._recipes:
            self._recipes[path] = _RECIPE(path, blob, unread, allowance)
        return self._recipes[path]


def _identity(item: Finding) -> object:
    return item.rule, item.severity, item.at, item.observed
