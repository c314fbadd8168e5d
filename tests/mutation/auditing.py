"""Audits thousands of repositories that differ in one file: what is untouched is read, and judged, once."""

from collections.abc import Iterator, Mapping
from unittest import mock

from auditor import runs
from auditor.artifacts._base import Artifact
from auditor.engine import _feed, _rules
from auditor.engine.audit import Options, look
from auditor.model import Blob, Finding, Severity, Snapshot, Unread
from auditor.policy import Policy
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import TINY_BASE, contents


class Auditor:
    """The honest run, and what an audit says once one of its files is another."""

    def __init__(self) -> None:
        self.files = dict(contents("tiny", "candidate")[0])
        self.blobs = dict(memory_snapshot("candidate", self.files).files)
        self.options = Options(base=TINY_BASE)
        self._parsed: dict[int, tuple[list[Artifact], dict[str, Unread]]] = {}
        self._recipes: dict[int, object] = {}
        self._calls: dict[object, tuple[Finding, ...]] = {}
        self.honest = self.audit(self.blobs)

    def new(self, path: str, data: bytes) -> tuple[Finding, ...]:
        """The findings above note that the honest run has not, with this content at this path."""
        blob = memory_snapshot("one", {path: data}).files[path]
        known = {self._key(item) for item in self.honest}
        found = self.audit({**self.blobs, path: blob})
        return tuple(item for item in found if item.severity > Severity.NOTE and self._key(item) not in known)

    @staticmethod
    def _key(item: Finding) -> object:
        return item.rule, item.severity, item.at, item.observed

    def audit(self, blobs: Mapping[str, Blob]) -> tuple[Finding, ...]:
        """All findings, as `audit check --base fixtures/tiny/base` finds them before they are folded."""
        snapshot = Snapshot("candidate", blobs, kind="memory")
        with mock.patch.object(runs, "_parse", self._parse), mock.patch.object(runs, "_recipe", self._recipe):
            side = look(snapshot, self.options)
        assert not side.crashed, side.crashed
        found: list[Finding] = []
        for rule in _rules.rules().values():
            for where, arguments in _feed._calls(side, rule):
                found.extend(self._call(rule, where, arguments))
        return tuple(found)

    def _call(self, rule: _rules.Rule, where: str, arguments: Mapping[str, object]) -> tuple[Finding, ...]:
        """What a rule says; once for the same artifacts, anew where it sees the run."""
        values = tuple(arguments.values())
        pure = all(value is None or isinstance(value, Artifact) for value in values)
        key = (rule.id, tuple(map(id, values)))
        if pure and key in self._calls:
            return self._calls[key]
        outcome = _feed.Outcome()
        _feed._call(rule, where, arguments, outcome, Policy())
        assert not outcome.failed, outcome.failed
        found = tuple(outcome.findings)
        if pure and all(id(value) in self._kept for value in values if value is not None):
            self._calls[key] = found
        return found

    def _parse(self, path: str, blob: Blob, unread: dict[str, Unread]) -> Iterator[Artifact]:
        kept = self.blobs.get(path) is blob
        if not kept or id(blob) not in self._parsed:
            why: dict[str, Unread] = {}
            found = (list(_PARSE(path, blob, why)), why)
            if not kept:
                unread.update(why)
                yield from found[0]
                return
            self._parsed[id(blob)] = found
            self._kept.update({id(item): item for item in found[0]})
        items, why = self._parsed[id(blob)]
        unread.update(why)
        yield from items

    _kept: dict[int, Artifact] = {}

    def _recipe(self, path: str, blob: Blob, unread: dict[str, Unread]) -> object:
        if self.blobs.get(path) is not blob:
            return _RECIPE(path, blob, unread)
        if id(blob) not in self._recipes:
            self._recipes[id(blob)] = _RECIPE(path, blob, unread)
        return self._recipes[id(blob)]


_PARSE, _RECIPE = runs._parse, runs._recipe
