"""Git LFS: pointers parsed, content taken from a local object store and hashed before it is believed.

Pointer format: the specification's ``version``, ``oid sha256:<64 hex>``, ``size`` lines, at most 1,024 bytes.
"""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from auditor.errors import CannotRead
from auditor.model import Digest
from auditor.sources._hashing import sha256_of

POINTER_LIMIT = 1024
"""A pointer is smaller than this, by the specification."""

_HEAD = b"version https://git-lfs.github.com/spec/v1\n"
_OID = re.compile(rb"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)
_SIZE = re.compile(rb"^size ([0-9]{1,18})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer promises: sha256 of the content and its size in bytes."""

    oid: Digest
    size: int


def parse_pointer(data: bytes) -> Pointer | None:
    """Return the pointer that ``data`` is, or None when it is ordinary content."""
    if len(data) >= POINTER_LIMIT or not data.startswith(_HEAD):
        return None
    oid, size = _OID.search(data), _SIZE.search(data)
    if oid is None or size is None:
        return None
    return Pointer(Digest("sha256", oid.group(1).decode()), int(size.group(1)))


def _layouts(oid: str) -> tuple[str, ...]:
    """Where git-lfs, Gitea and Forgejo, Gogs, or a flat folder keep the object, relative to a store's folder."""
    return f"{oid[:2]}/{oid[2:4]}/{oid}", f"{oid[:2]}/{oid[2:4]}/{oid[4:]}", f"{oid[0]}/{oid[1]}/{oid}", oid


class ObjectStore:
    """Folders that may hold LFS objects, as git-lfs or a server lays them out.

    ``ab/cd/<oid>`` is git-lfs's own, ``ab/cd/<rest of oid>`` that of Gitea and Forgejo (modules/lfs/pointer.go,
    ``RelativePath``), ``a/b/<oid>`` that of Gogs (internal/lfsutil/storage.go), ``<oid>`` a flat folder.
    An object is believed only after its sha256 and size were checked; the outcome is remembered for the life of
    the store, so that each object is hashed once.
    """

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self._verdicts: dict[str, str | None] = {}

    def path_of(self, pointer: Pointer) -> Path | None:
        """The file that claims to hold the object, or None when no folder has it."""
        oid = pointer.oid.hex
        for folder in self.folders:
            for place in _layouts(oid):
                if (folder / place).is_file():
                    return folder / place
        return None

    def open(self, pointer: Pointer) -> BinaryIO:
        """Open the object a pointer promises. Raises CannotRead: unfetched, or mismatch with both digests."""
        path = self.path_of(pointer)
        if path is None:
            raise CannotRead(
                f"its content ({pointer.size:,} bytes) is in Git LFS and was not fetched to this machine",
                "unfetched",
            )
        oid = pointer.oid.hex
        if oid not in self._verdicts:
            self._verdicts[oid] = _mismatch(path, pointer)
        mismatch = self._verdicts[oid]
        if mismatch:
            raise CannotRead(mismatch, "mismatch")
        return path.open("rb")


def _mismatch(path: Path, pointer: Pointer) -> str | None:
    """Return None when the file is what the pointer promises, else a sentence."""
    try:
        actual_size = path.stat().st_size
        if actual_size != pointer.size:
            return f"the LFS object has {actual_size:,} bytes and its pointer promises {pointer.size:,}"
        with path.open("rb", buffering=0) as stream:
            # No more than was promised: a file that grows, or a device behind a link, never ends.
            digest = sha256_of(stream, pointer.size)
    except OSError as error:
        return f"the LFS object cannot be read: {error.strerror}"
    if digest != pointer.oid.hex:
        return (
            f"the LFS object hashes to sha256 {digest[:12]}... "
            f"and its pointer promises {pointer.oid.hex[:12]}..."
        )
    return None


def memory(data: bytes) -> BinaryIO:
    """Return bytes as a stream."""
    return io.BytesIO(data)
