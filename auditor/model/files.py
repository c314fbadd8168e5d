"""Where bytes are: digests, blobs and snapshots; and one value read from them.

Content is opened on demand and never believed before that.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO

from auditor.errors import CannotRead

READ_LIMIT = 256 * 1024 * 1024
"""Largest file, in bytes, that `Blob.read` brings into memory; larger ones are read through `Blob.open`."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A content id; ``algorithm`` is ``sha256`` (of the content) or ``git-sha1`` / ``git-sha256`` (a git object id)."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


class FileKind(StrEnum):
    """What a tree entry is; only files are opened, links and submodules are shown and never followed."""

    FILE = "file"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """One path of a snapshot.

    ``size`` is the size in bytes of the content a user gets (for an LFS pointer: the size the pointer declares);
    None when nothing states it. ``object_id`` identifies the stored object (the pointer itself for LFS), ``lfs``
    the promised sha256 of the content. ``raw`` opens the stored object; ``content`` the content behind a pointer.
    """

    path: str
    size: int | None
    content: Callable[[], BinaryIO]
    kind: FileKind = FileKind.FILE
    object_id: Digest | None = None
    lfs: Digest | None = None
    absent: str | None = None
    """Why the content is not on this machine, known without trying; None when it should open."""
    hashed: Callable[[], Digest | None] | None = None
    """Hashes the content on demand; given by sources without an object store (a plain folder)."""

    def open(self) -> BinaryIO:
        """Open the content for reading and seeking. Raises CannotRead."""
        if self.kind is not FileKind.FILE:
            raise CannotRead(f"is a {self.kind.value}, which is shown but never followed", "unfetched")
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


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A repository at one revision, a folder, or what a rerun wrote.

    ``notes`` say why the list of files is not complete (a tree cut off at the limit); a snapshot with notes does
    not pass.
    """

    name: str
    files: Mapping[str, Blob]
    commit: str | None = None
    kind: str = "directory"
    shallow: bool = False
    notes: tuple[str, ...] = ()
    part: bool = False
    """Whether a folder lies below a .gitattributes of its work tree, which is not among its files."""
    cache: dict[str, object] = field(default_factory=dict, repr=False)

    def under(self, folder: str) -> Mapping[str, Blob]:
        """The files below ``folder`` ("" is the root), keyed by full path, in order."""
        if not folder:
            return self.files
        paths = self._paths()
        start = bisect_left(paths, folder + "/")
        end = bisect_left(paths, folder + "0")  # the character after the slash
        return {path: self.files[path] for path in paths[start:end]}

    def inside(self, folder: str) -> Mapping[str, Blob]:
        """The files in ``folder`` itself ("" is the root), not in its subfolders, keyed by full path."""
        if "folders" not in self.cache:
            folders: dict[str, dict[str, Blob]] = {}
            for path, blob in self.files.items():
                folders.setdefault(folder_of(path), {})[path] = blob
            self.cache["folders"] = folders
        found: dict[str, dict[str, Blob]] = self.cache["folders"]  # type: ignore[assignment]
        return found.get(folder, {})

    def _paths(self) -> list[str]:
        if "paths" not in self.cache:
            self.cache["paths"] = sorted(self.files)
        return self.cache["paths"]  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Fact:
    """One comparable value of a file. Numbers compare within ``rtol``/``atol`` (NumPy's meaning), sets as sets.

    ``ignorable`` facts (wall times, paths of the machine) are shown and never make two files differ.
    """

    value: object
    rtol: float = 0.0
    atol: float = 0.0
    ignorable: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that was not read, and why; ``state`` is unfetched, unreadable or mismatch."""

    path: str
    reason: str
    state: str


def folder_of(path: str) -> str:
    """``a/b/c.json`` -> ``a/b``; a file at the root -> ``""``."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """``a/b/c.json`` -> ``c.json``."""
    return path.rpartition("/")[2]
