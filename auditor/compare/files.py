"""Two snapshots tree to tree: cheap proofs of equality first, the parser last.

Equal object ids, then equal LFS oids, then equal bytes, then facts. A reader that finds no difference in differing
bytes says so: its blind spot never reads as equality.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from auditor.artifacts._base import Artifact
from auditor.artifacts._readers import readers_of
from auditor.compare._layout import equal_but_for_layout
from auditor.compare._same_bytes import same_content
from auditor.compare.facts import compare
from auditor.errors import CannotRead
from auditor.model import Blob, Change, FileChange, FileKind
from auditor.runs import Contents

_CHUNK = 1024 * 1024
_OF_BYTES = frozenset({"sha256", "size"})
"""Facts that say no more than that the bytes differ."""


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
    if equal and one.executable is not two.executable:
        word = "became" if two.executable else "is no longer"
        return FileChange(path, "modified", proof, note=f"the same content, which {word} executable")
    if equal:
        return FileChange(path, "identical", proof)
    if one.kind is not FileKind.FILE:
        return FileChange(path, "modified", proof)
    return _parsed(one, two, base, head, proof, tolerance)


def _proof(one: Blob, two: Blob) -> tuple[bool | None, str]:
    """Whether two entries are equal, by the cheapest proof there is; None when nobody can tell."""
    if one.object_id is not None and one.object_id == two.object_id:
        return True, "object id"
    if one.lfs is not None and two.lfs is not None:
        return one.lfs == two.lfs, "lfs oid"
    if one.kind is not FileKind.FILE:
        return False, "object id"
    promised, other = (one, two) if one.lfs is not None else (two, one)
    if promised.lfs is not None and promised.absent is not None:
        return _is_promised(promised, other), "lfs oid"
    return same_content(one, two), "bytes"


def _is_promised(pointer: Blob, other: Blob) -> bool | None:
    """Whether the content of one side is what the pointer of the other promises; None when it cannot be read."""
    if pointer.lfs is None or (None not in (pointer.size, other.size) and pointer.size != other.size):
        return False
    try:
        with other.open() as stream:
            found = hashlib.sha256()
            while chunk := stream.read(_CHUNK):
                found.update(chunk)
            return found.hexdigest() == pointer.lfs.hex
    except CannotRead:
        return None


def _parsed(
    one: Blob, two: Blob, base: Contents, head: Contents, proof: str, tolerance: Mapping[str, float]
) -> FileChange:
    path = one.path
    pairs = list(_pairs(path, base, head))
    changes: list[Change] = []
    for mine, theirs in pairs:
        changes.extend(compare(mine.facts(), theirs.facts(), tolerance))
    known = equal_but_for_layout(one, two, pairs) if {item.key for item in changes} <= _OF_BYTES else None
    if known or not changes:
        unseen = pairs[0][0].unseen if pairs else "the bytes differ; no reader compared them"
        return FileChange(path, "modified", "parsed" if pairs else proof, note=known or unseen)
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
