"""Two snapshots tree to tree: cheap proofs of equality first, the parser last.

Equal object ids, then equal LFS oids, then equal bytes, then facts. A reader that finds no difference in differing
bytes says so: its blind spot never reads as equality.
"""

from collections.abc import Iterator, Mapping, Sequence

from auditor.artifacts._base import Artifact
from auditor.artifacts._opened import Opened
from auditor.artifacts._readers import readers_of
from auditor.compare._same_bytes import same_bytes
from auditor.compare.facts import compare
from auditor.errors import CannotRead
from auditor.model import Blob, Change, FileChange, FileKind
from auditor.runs import Contents


def compare_files(
    base: Contents, head: Contents, tolerance: Mapping[str, float] | None = None
) -> tuple[FileChange, ...]:
    """Every path of either side, sorted; ``tolerance`` as in `facts.compare`."""
    ours, theirs = base.snapshot.files, head.snapshot.files
    changes: list[FileChange] = []
    for path in sorted({*ours, *theirs}):
        if path not in theirs:
            changes.append(FileChange(path, "removed", "none"))
        elif path not in ours:
            changes.append(FileChange(path, "added", "none"))
        else:
            changes.append(_compare_one(ours[path], theirs[path], base, head, tolerance or {}))
    return tuple(changes)


def _compare_one(
    one: Blob, two: Blob, base: Contents, head: Contents, tolerance: Mapping[str, float]
) -> FileChange:
    path = one.path
    if one.kind is not two.kind:
        return FileChange(path, "modified", "none", note=f"{one.kind} became {two.kind}")
    equal, proof = _proof(one, two)
    if equal is None:
        return FileChange(path, "unknown", "none", note="the content of one side is not on this machine")
    if equal:
        return FileChange(path, "identical", proof)
    if one.kind is not FileKind.FILE:
        return FileChange(path, "modified", proof)
    return _parsed(path, base, head, proof, tolerance)


def _proof(one: Blob, two: Blob) -> tuple[bool | None, str]:
    """Whether two entries are equal, by the cheapest proof there is; None when nobody can tell."""
    if one.object_id is not None and one.object_id == two.object_id:
        return True, "object id"
    if one.lfs is not None and two.lfs is not None:
        return one.lfs == two.lfs, "lfs oid"
    if one.kind is not FileKind.FILE:
        return False, "object id"
    return _same_bytes(one, two), "bytes"


def _same_bytes(one: Blob, two: Blob) -> bool | None:
    """Whether two contents are equal; None when one of them cannot be opened."""
    if one.size is not None and two.size is not None and one.size != two.size:
        return False
    try:
        with Opened(one.open) as left, Opened(two.open) as right:
            return same_bytes(left, right)
    except CannotRead:
        return None


def _parsed(
    path: str, base: Contents, head: Contents, proof: str, tolerance: Mapping[str, float]
) -> FileChange:
    changes: list[Change] = []
    unseen: list[str] = []
    for one, two in _pairs(path, base, head):
        unseen.append(one.unseen)
        changes.extend(compare(one.facts(), two.facts(), tolerance))
    if not unseen:
        return FileChange(path, "modified", proof, note="the bytes differ; no reader compared them")
    if not changes:
        return FileChange(path, "modified", "parsed", note=unseen[0])
    return FileChange(path, "modified", "parsed", tuple(changes))


def _pairs(path: str, base: Contents, head: Contents) -> Iterator[tuple[Artifact, Artifact]]:
    for reader in readers_of(path):
        one, two = _find(path, reader, base), _find(path, reader, head)
        if one is not None and two is not None:
            yield one, two


def _find(path: str, reader: type[Artifact], contents: Contents) -> Artifact | None:
    folder = contents.folders.get(path.rpartition("/")[0])
    return next((item for item in folder.all(reader) if item.path == path), None) if folder else None


def counts(changes: Sequence[FileChange]) -> Mapping[str, int]:
    """How many paths of each kind."""
    found: dict[str, int] = {}
    for change in changes:
        found[change.kind] = found.get(change.kind, 0) + 1
    return found
