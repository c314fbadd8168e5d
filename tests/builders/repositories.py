"""The two fixture repositories as snapshots in memory, each with edits made in code."""

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

from auditor.engine._feed import Outcome, run_checks
from auditor.engine._rules import rules
from auditor.engine.audit import Options, difference, look
from auditor.errors import CannotRead
from auditor.model import Blob, Diff, Finding, RerunResult, Snapshot
from auditor.policy import Policy
from auditor.sources import bundle
from auditor.sources.directory import memory_snapshot

FIXTURES = Path(__file__).parents[2] / "fixtures"
TINY = FIXTURES / "tiny"
SEED = FIXTURES / "seed"
TINY_BASE = TINY / "base"

Edit = Callable[[object], object] | object


@cache
def contents(fixture: str, ref: str) -> tuple[Mapping[str, bytes], Mapping[str, Blob]]:
    """Bytes of every readable path of a fixture branch, and the blobs that are pointers without content."""
    read: dict[str, bytes] = {}
    absent: dict[str, Blob] = {}
    with bundle.repository(FIXTURES / fixture / "repo.bundle") as repository:
        resolved = repository.resolve(ref)
        snapshot = repository.snapshot(ref, resolved.commits[0], resolved)
        for path, blob in snapshot.files.items():
            try:
                read[path] = blob.read()
            except CannotRead:
                absent[path] = blob
    return read, absent


def edited(
    fixture: str,
    ref: str,
    json_edits: Mapping[str, Mapping[str, object]] | None = None,
    text: Mapping[str, str] | None = None,
    data: Mapping[str, bytes] | None = None,
    without: Iterable[str] = (),
) -> Snapshot:
    """A fixture branch with edits.

    ``json_edits`` maps a path to {JSON pointer: new value}; the value ``DELETE`` removes the key. ``text`` and
    ``data`` replace or add whole files; ``without`` removes paths (a trailing "/" removes a folder).
    """
    read, absent = contents(fixture, ref)
    files = dict(read)
    for path, edits in (json_edits or {}).items():
        files[path] = json.dumps(_edited(json.loads(files[path]), edits), indent=2).encode()
    files.update({path: value.encode() for path, value in (text or {}).items()})
    files.update(data or {})
    gone = tuple(without)
    kept = {p: d for p, d in files.items() if not _is_gone(p, gone)}
    blobs = dict(memory_snapshot(ref, kept).files)
    blobs.update({p: b for p, b in absent.items() if not _is_gone(p, gone) and p not in kept})
    return Snapshot(ref, dict(sorted(blobs.items())), kind="memory")


DELETE = object()


def _edited(document: object, edits: Mapping[str, object]) -> object:
    document = copy.deepcopy(document)
    for pointer, value in edits.items():
        *parents, last = pointer.strip("/").split("/")
        target = document
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target[part]  # type: ignore[index]
        if value is DELETE:
            del target[last]  # type: ignore[attr-defined]
        else:
            target[last] = value  # type: ignore[index]
    return document


def _is_gone(path: str, gone: tuple[str, ...]) -> bool:
    return any(path == item or (item.endswith("/") and path.startswith(item)) for item in gone)


def healthy(**edits: object) -> Snapshot:
    """The honest tiny QLoRA repository (branch ``candidate``), with edits as in `edited`."""
    return edited("tiny", "candidate", **edits)  # type: ignore[arg-type]


def seed(**edits: object) -> Snapshot:
    """The real case (branch ``caost-test-2``, binaries unfetched), with edits as in `edited`."""
    return edited("seed", "caost-test-2", **edits)  # type: ignore[arg-type]


def run_rule(
    rule: str,
    snapshot: Snapshot,
    base: Path | None = None,
    compared_with: Snapshot | None = None,
    related: bool | None = False,
    rerun: RerunResult | None = None,
) -> Outcome:
    """Run one rule on a snapshot; ``base`` is a base model folder, ``compared_with`` the other side of a Diff."""
    import dataclasses

    options = Options(base=base)
    side = look(snapshot, options)
    diff: Diff | None = None
    if compared_with is not None:
        diff = difference(look(compared_with, options), side, related)
    side = dataclasses.replace(side, diff=diff, rerun=rerun)
    outcome = run_checks(side, [rules()[rule]], Policy())
    assert not outcome.failed, outcome.failed
    return outcome


def findings(rule: str, snapshot: Snapshot, **more: object) -> tuple[Finding, ...]:
    """The findings of one rule, in the order it yields them."""
    return tuple(run_rule(rule, snapshot, **more).findings)  # type: ignore[arg-type]
