"""A plain folder, or one file, as a Snapshot: an unpacked upload, or what a rerun wrote. Links are never followed."""

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from auditor.errors import CannotRead, IncompleteError, UsageError
from auditor.model import Blob, Digest, FileKind, Snapshot
from auditor.sources import lfs
from auditor.sources._hashing import sha256_of
from auditor.sources._tree import ENTRY_LIMIT

_WEIGHTS = frozenset({".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".gguf", ".onnx"})
_SKIPPED = frozenset({".git", "__pycache__", ".venv"})
_NAMED = 5
"""Folders that cannot be listed and are named."""


def snapshot(folder: Path, lfs_stores: tuple[Path, ...] = (), name: str | None = None) -> Snapshot:
    """Read a folder (or a single file). Raises UsageError when there is none, IncompleteError where it may not be read.

    The paths are relative to the folder; ``.git`` and caches are left out. A folder that cannot be listed is noted.
    """
    if not folder.exists():
        raise UsageError(f"{folder} does not exist", "give a folder, a file, a .bundle or a ref")
    store = lfs.ObjectStore(*lfs_stores)
    if folder.is_file():
        return Snapshot(name or folder.name, {folder.name: _blob(folder, folder.name, store)}, kind="file")
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is neither a file nor a folder", "give a folder, a file, a .bundle or a ref"
        )
    blobs: dict[str, Blob] = {}
    notes: list[str] = []
    closed: list[OSError] = []
    for path in _files(folder, closed.append):
        if len(blobs) >= ENTRY_LIMIT:
            notes.append(f"the folder has too many files; only the first {ENTRY_LIMIT:,} were read")
            break
        relative = path.relative_to(folder).as_posix()
        blobs[relative] = _blob(path, relative, store)
    notes += _unlisted(folder, closed)
    return Snapshot(
        name or folder.name,
        dict(sorted(blobs.items())),
        notes=tuple(notes),
        part=_is_ruled_from_above(folder),
    )


def _unlisted(folder: Path, errors: list[OSError]) -> Iterator[str]:
    """A sentence for each folder that could not be listed. Raises IncompleteError when it is the whole one."""
    for number, error in enumerate(errors):
        path = Path(error.filename)
        if path == folder:
            raise IncompleteError(f"{folder} cannot be listed: {error.strerror}", "look at its permissions")
        if number == _NAMED:
            yield f"{len(errors) - _NAMED} more folders cannot be listed"
            return
        yield f"the folder {path.relative_to(folder).as_posix()} cannot be listed: {error.strerror}"


def _is_ruled_from_above(folder: Path) -> bool:
    """Whether a .gitattributes stands above a folder, up to the top of the work tree it lies in."""
    here = folder.resolve()
    # os.path says no where it may not look; Path raises.
    while not os.path.exists(here / ".git") and here != here.parent:  # noqa: PTH110
        here = here.parent
        if os.path.isfile(here / ".gitattributes"):  # noqa: PTH113
            return True
    return False


def vouched(folder: Path) -> Snapshot:
    """A folder that the user vouches for, such as a base model's: its own small files, links followed.

    The hub's cache is made of links. Weights are left out. Raises UsageError when there is no such folder.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix not in _WEIGHTS)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be read: {error.strerror}", "give --base a model folder"
        ) from error
    store = lfs.ObjectStore()
    return Snapshot(folder.name, {path.name: _blob(path.resolve(), path.name, store) for path in paths})


def _files(folder: Path, closed: Callable[[OSError], object]) -> Iterator[Path]:
    """Every file below, links too, in order; ``closed`` is told what could not be listed."""
    for parent, folders, names in os.walk(folder, onerror=closed, followlinks=False):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and name not in links)
        for name in sorted([*names, *links]):
            yield Path(parent) / name


def _blob(path: Path, relative: str, store: lfs.ObjectStore) -> Blob:
    try:
        status = path.lstat()
    except OSError as error:
        reason = f"cannot be looked at: {error.strerror}"
        return Blob(relative, None, _refuse(reason), absent=reason)
    if stat.S_ISLNK(status.st_mode):
        return Blob(
            relative, None, _refuse("is a symlink, which is shown but never followed"), FileKind.SYMLINK
        )
    if not stat.S_ISREG(status.st_mode):
        return Blob(relative, None, _refuse("is not a regular file"), absent="is not a regular file")
    if not status.st_size:
        # Never opened: the files of /proc say so as well, and reading one may wait for ever.
        return Blob(relative, 0, io.BytesIO, hashed=lambda: Digest("sha256", hashlib.sha256().hexdigest()))
    if status.st_size < lfs.POINTER_LIMIT:
        pointer = _pointer(path)
        if pointer is not None:
            absent = None
            if store.path_of(pointer) is None:
                absent = (
                    f"its content ({pointer.size:,} bytes) is in Git LFS and was not fetched to this machine"
                )
            return Blob(relative, pointer.size, lambda: store.open(pointer), lfs=pointer.oid, absent=absent)
    return Blob(relative, status.st_size, _opener(path), hashed=cache(lambda: _hash(path)))


def _hash(path: Path) -> Digest | None:
    """sha256 of a file, or None when it cannot be read to its end."""
    try:
        with path.open("rb", buffering=0) as stream:
            return Digest("sha256", sha256_of(stream))
    except OSError:
        return None


def _pointer(path: Path) -> lfs.Pointer | None:
    try:
        return lfs.parse_pointer(path.read_bytes())
    except OSError:
        return None


def _opener(path: Path) -> Callable[[], BinaryIO]:
    def open_file() -> BinaryIO:
        try:
            return path.open("rb")
        except OSError as error:
            raise CannotRead(f"cannot be opened: {error.strerror}") from error

    return open_file


def _refuse(reason: str) -> Callable[[], BinaryIO]:
    def refuse() -> BinaryIO:
        raise CannotRead(reason, "unfetched")

    return refuse


def memory_snapshot(name: str, contents: dict[str, bytes]) -> Snapshot:
    """A snapshot of bytes in memory, pointers recognised as everywhere else; object ids are sha256 of the bytes."""
    blobs: dict[str, Blob] = {}
    for path, data in sorted(contents.items()):
        digest = Digest("sha256", hashlib.sha256(data).hexdigest())
        pointer = lfs.parse_pointer(data)
        if pointer is None:
            blobs[path] = Blob(path, len(data), lambda data=data: lfs.memory(data), object_id=digest)  # type: ignore[misc]
        else:
            reason = f"its content ({pointer.size:,} bytes) is in Git LFS and was not fetched to this machine"
            blobs[path] = Blob(
                path, pointer.size, _refuse(reason), object_id=digest, lfs=pointer.oid, absent=reason
            )
    return Snapshot(name, blobs, kind="memory")
