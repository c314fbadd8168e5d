"""Digests and snapshots: which files there are, and what proves them equal without reading."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.model.files import Blob, folder_of


@dataclass(frozen=True, slots=True)
class Digest:
    """A content id; ``algorithm`` is ``sha256`` (of the content) or ``git-sha1`` / ``git-sha256`` (a git object id)."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


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
class Unread:
    """A file that was not read, and why; ``state`` is unfetched, unreadable or mismatch."""

    path: str
    reason: str
    state: str
