"""One file: where its bytes are, opened on demand and never believed before that; and one value read from it."""

from __future__ import annotations

from auditor.errors import CannotRead
from auditor.model.frozen import Frozen, put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO, ClassVar, Self

    from auditor.model.snapshot import Digest

READ_LIMIT = 256 * 1024 * 1024
"""Largest file, in bytes, that `Blob.read` brings into memory; larger ones are read through `Blob.open`."""


class FileKind(str):
    """What a tree entry is; only files are opened, links and submodules are shown and never followed.

    Words of which there is one object each, as of an enum's; `enum` costs a third of an interpreter's start.
    """

    __slots__ = ()
    FILE: ClassVar[FileKind]
    SYMLINK: ClassVar[FileKind]
    SUBMODULE: ClassVar[FileKind]

    def __new__(cls, word: str) -> Self:
        """The one object of a word. Raises ValueError when it is none of the three."""
        known = cls.__dict__.get(word.upper())
        if not isinstance(known, cls):
            raise ValueError(f"{word!r} is no kind of a tree entry")
        return known


for _word in ("FILE", "SYMLINK", "SUBMODULE"):
    setattr(FileKind, _word, str.__new__(FileKind, _word.lower()))


class Blob(Frozen):
    """One path of a snapshot.

    ``size`` is the size in bytes of the content a user gets (for an LFS pointer: the size the pointer declares);
    None when nothing states it. ``object_id`` identifies the stored object (the pointer itself for LFS), ``lfs``
    the promised sha256 of the content. ``content`` opens the stored object, or the content behind a pointer.
    """

    path: str
    size: int | None
    content: Callable[[], BinaryIO]
    kind: FileKind
    object_id: Digest | None
    lfs: Digest | None
    absent: str | None
    """Why the content is not on this machine, known without trying; None when it should open."""
    hashed: Callable[[], Digest | None] | None
    """Hashes the content on demand; given by sources without an object store (a plain folder)."""
    executable: bool
    __slots__ = ("absent", "content", "executable", "hashed", "kind", "lfs", "object_id", "path", "size")

    def __init__(
        self,
        path: str,
        size: int | None,
        content: Callable[[], BinaryIO],
        kind: FileKind = FileKind.FILE,
        object_id: Digest | None = None,
        lfs: Digest | None = None,
        absent: str | None = None,
        hashed: Callable[[], Digest | None] | None = None,
        executable: bool = False,
    ) -> None:
        put(self, "path", path)
        put(self, "size", size)
        put(self, "content", content)
        put(self, "kind", kind)
        put(self, "object_id", object_id)
        put(self, "lfs", lfs)
        put(self, "absent", absent)
        put(self, "hashed", hashed)
        put(self, "executable", executable)

    __eq__, __hash__ = object.__eq__, object.__hash__

    def open(self) -> BinaryIO:
        """Open the content for reading and seeking. Raises CannotRead."""
        if self.kind is not FileKind.FILE:
            raise CannotRead(f"is a {self.kind}, which is shown but never followed", "unfetched")
        return self.content()

    def read(self, limit: int = READ_LIMIT) -> bytes:
        """Return the whole content. Raises CannotRead when it is missing or larger than ``limit`` bytes."""
        with self.open() as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise CannotRead(f"is larger than {limit} bytes, too large for this kind of file")
        return data

    def digest(self) -> Digest | None:
        """`identity`, else sha256 of the content, read once where no store names it; None when it cannot be read."""
        known = self.identity
        if known is not None or self.absent is not None or self.hashed is None:
            return known
        return self.hashed()

    @property
    def identity(self) -> Digest | None:
        """What proves equality without reading: the LFS oid when there is one, else the object id."""
        return self.lfs or self.object_id


class Fact(Frozen):
    """One comparable value of a file. Numbers compare within ``rtol``/``atol`` (NumPy's meaning), sets as sets.

    ``ignorable`` facts (wall times, paths of the machine) are shown and never make two files differ.
    """

    value: object
    rtol: float
    atol: float
    ignorable: bool
    __slots__ = ("atol", "ignorable", "rtol", "value")

    def __init__(self, value: object, rtol: float = 0.0, atol: float = 0.0, ignorable: bool = False) -> None:
        put(self, "value", value)
        put(self, "rtol", rtol)
        put(self, "atol", atol)
        put(self, "ignorable", ignorable)


def folder_of(path: str) -> str:
    """``a/b/c.json`` -> ``a/b``; a file at the root -> ``""``."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """``a/b/c.json`` -> ``c.json``."""
    return path.rpartition("/")[2]
