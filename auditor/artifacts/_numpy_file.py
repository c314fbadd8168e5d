"""NumPy's .npy and .npz files, as far as safety asks: whether arrays of Python objects, which are pickles, are inside.

Format: numpy/lib/format.py (NumPy 2), "Format Version 1.0" to 3.0; an .npz is a zip of .npy files.
"""

import ast
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO

from auditor.artifacts._pickle_opcodes import read
from auditor.artifacts._pickle_reading import Reading
from auditor.artifacts._torch_zip import Guarded, damage
from auditor.errors import CannotRead
from auditor.model import Blob

HEADER_LIMIT = 10_000
"""Longest header in bytes that NumPy reads by itself (numpy/lib/format.py, `_MAX_HEADER_SIZE`)."""
PICKLE_LIMIT = 64 * 1024 * 1024
"""Bytes of pickles walked in one file; object arrays hold settings and labels, numbers lie outside."""
_MEMBERS = 10_000
_MAGIC = b"\x93NUMPY"


@dataclass(frozen=True, slots=True)
class NumpyArrays:
    """The arrays of one file: how many there are, and the pickles of those that hold Python objects, by name."""

    count: int
    pickles: tuple[tuple[str, Reading], ...] = ()


def numpy_arrays(blob: Blob) -> NumpyArrays:
    """Read the headers, and object arrays as opcodes. Raises CannotRead."""
    with blob.open() as stream:
        if blob.path.lower().endswith(".npz"):
            return _archive(stream)
        reading = _array(stream)
    return NumpyArrays(1, () if reading is None else (("", reading),))


def _archive(stream: BinaryIO) -> NumpyArrays:
    found: list[tuple[str, Reading]] = []
    count, left = 0, PICKLE_LIMIT
    try:
        with zipfile.ZipFile(Guarded(stream)) as archive:
            for info in _members(archive):
                count += 1
                with archive.open(info) as member:
                    reading = _array(member, left)
                if reading is not None:
                    left = max(left - min(info.file_size, PICKLE_LIMIT), 0)
                    found.append((info.filename[:200], reading))
    except damage() as error:
        raise CannotRead("is a damaged or cut-off zip of NumPy arrays") from error
    return NumpyArrays(count, tuple(found))


def _members(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > _MEMBERS:
        raise CannotRead(f"is a zip of {len(members):,} arrays")
    yield from members


def _array(stream: IO[bytes], limit: int = PICKLE_LIMIT) -> Reading | None:
    """The pickle of an array of objects, of which ``limit`` bytes are walked; None for numbers. Raises CannotRead."""
    head = stream.read(8)
    if head[:6] != _MAGIC or len(head) < 8:
        raise CannotRead("is no NumPy array: it does not begin with the format's magic bytes")
    size = stream.read(2 if head[6] == 1 else 4)
    length = int.from_bytes(size, "little")
    if length > HEADER_LIMIT:
        raise CannotRead(f"declares a header of {length:,} bytes, more than NumPy reads")
    header = stream.read(length)
    try:
        described = ast.literal_eval(header.decode("utf-8", "replace").strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise CannotRead("has a header that is no Python literal") from error
    if len(header) < length or not isinstance(described, dict):
        raise CannotRead("has a header that is cut off or no dictionary")
    if not _holds_objects(described.get("descr"), 8):
        return None
    return read(stream.read(limit))


def _holds_objects(descr: object, depth: int) -> bool:
    """Whether a dtype as NumPy writes it holds Python objects: ``|O``, a list of fields (name, dtype, ...) with such a
    one, or (dtype, shape).
    """
    if isinstance(descr, str):
        return descr.lstrip("<>|=")[:1] == "O"
    if isinstance(descr, list) and depth:
        fields = [field for field in descr if isinstance(field, tuple) and len(field) > 1]
        return any(_holds_objects(field[1], depth - 1) for field in fields)
    return isinstance(descr, tuple) and bool(descr) and depth > 0 and _holds_objects(descr[0], depth - 1)
