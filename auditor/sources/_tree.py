"""git tree objects walked breadth first: every path of a commit without a checkout."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.errors import CannotRead
from auditor.model import FileKind
from auditor.sources._cat_file import ObjectDatabase

ENTRY_LIMIT = 200_000
"""Entries listed at most: a few small trees that contain each other's copies can name billions of paths."""

_KINDS = {0o120000: FileKind.SYMLINK, 0o160000: FileKind.SUBMODULE}
_TREE = 0o040000
_TYPE_MASK = 0o170000


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a tree with the object behind it."""

    path: str
    kind: FileKind
    oid: str
    executable: bool = False


def walk(database: ObjectDatabase, tree: str, oid_bytes: int) -> tuple[tuple[Entry, ...], bool]:
    """Every file, link and submodule below a tree, sorted by path, and whether the limit cut the list.

    Raises CannotRead when a tree object is missing or malformed.
    """
    entries: list[Entry] = []
    level = [("", tree)]
    while level:
        database.preload(oid for _, oid in level)
        below: list[tuple[str, str]] = []
        for prefix, oid in level:
            for mode, name, child in parse_tree(database.read(oid), oid_bytes):
                if len(entries) + len(below) >= ENTRY_LIMIT:
                    return tuple(sorted(entries, key=lambda entry: entry.path)), True
                path = prefix + name
                if mode & _TYPE_MASK == _TREE:
                    below.append((path + "/", child))
                else:
                    kind = _KINDS.get(mode & _TYPE_MASK, FileKind.FILE)
                    entries.append(Entry(path, kind, child, kind is FileKind.FILE and bool(mode & 0o111)))
        level = below
    return tuple(sorted(entries, key=lambda entry: entry.path)), False


_MODE = re.compile(rb"[0-7]{5,6}")


def parse_tree(data: bytes, oid_bytes: int) -> Iterator[tuple[int, str, str]]:
    """Yield (mode, name, object id in hex) of a raw tree; ``oid_bytes`` is 20 (SHA-1) or 32 (SHA-256).

    Names that are no UTF-8 keep their bytes as ``\\xff``, so that two of them never become one path.
    Raises CannotRead at a malformed entry: what follows it would never be looked at.
    """
    position = 0
    while position < len(data):
        space = data.find(b" ", position)
        zero = data.find(b"\0", space)
        end = zero + 1 + oid_bytes
        if space < 0 or zero < 0 or end > len(data) or not _MODE.fullmatch(data, position, space):
            raise CannotRead("a tree object is malformed")
        yield (
            int(data[position:space], 8),
            data[space + 1 : zero].decode("utf-8", "backslashreplace"),
            data[zero + 1 : end].hex(),
        )
        position = end


def oids(entries: Sequence[Entry]) -> list[str]:
    """The distinct object ids of the files among the entries."""
    return list(dict.fromkeys(entry.oid for entry in entries if entry.kind is FileKind.FILE))
