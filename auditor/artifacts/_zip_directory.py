"""The directory of a zip as torch writes it, without the standard library's reader, which costs more than all the rest.

Everything else, and everything odd, is left to ``zipfile``: `plain_directory` gives None unless the file ends with its
directory and holds uncompressed entries with plain names only, in which case both read the same. Layout: APPNOTE.TXT
6.3.10, 4.3.12 (entries), 4.3.14 to 4.3.16 (ends); torch's writer is miniz, which adds the 64-bit end to every file.
"""

from __future__ import annotations

import struct
from sys import intern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

_END, _END64, _LOCATOR = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s2xBx2H4x3L4H6xL")
_TAIL = _END64.size + _LOCATOR.size + _END.size
_HARMLESS = 0x0808
"""Flags that change nothing here: sizes are repeated behind the content (bit 3), the name is UTF-8 (bit 11)."""
_VERSION = 63
"""Highest version of the format, times ten, that ``zipfile`` reads (`MAX_EXTRACT_VERSION`)."""
_FULL = 0xFFFFFFFF
"""A number that stands elsewhere."""


class Entry:
    """One entry of a directory, its fields named and meant as those of ``zipfile.ZipInfo``."""

    __slots__ = (
        "CRC",
        "compress_size",
        "compress_type",
        "file_size",
        "filename",
        "flag_bits",
        "header_offset",
    )

    def __init__(
        self,
        filename: str,
        header_offset: int,
        file_size: int,
        compress_size: int,
        compress_type: int,
        flag_bits: int,
        crc: int,
    ) -> None:
        self.filename = filename
        self.header_offset = header_offset
        self.file_size = file_size
        self.compress_size = compress_size
        self.compress_type = compress_type
        self.flag_bits = flag_bits
        self.CRC = crc


def plain_directory(stream: BinaryIO, length: int, limit: int) -> list[Entry] | None:
    """The entries of a zip of ``length`` bytes; None unless all is as torch writes it.

    ``limit`` is the largest directory in bytes that is read.
    """
    place = _place(stream, length)
    if place is None or place[1] > limit:
        return None
    begin, size, count = place
    stream.seek(begin)
    data = stream.read(size)
    found: list[Entry] = []
    at = 0
    while at + _ENTRY.size <= len(data):
        entry, at = _entry(data, at)
        if entry is None:
            return None
        found.append(entry)
    return found if at == size == len(data) and len(found) == count else None


def _place(stream: BinaryIO, length: int) -> tuple[int, int, int] | None:
    """(offset, bytes, entries) of the directory; None when the file's end is not torch's."""
    if length < _TAIL:
        return None
    stream.seek(length - _TAIL)
    tail = stream.read(_TAIL)
    mark, disk, first_disk, here, count, size, begin, comment = _END.unpack_from(tail, _TAIL - _END.size)
    if mark != b"PK\x05\x06" or disk or first_disk or comment or here != count:
        return None
    end = length - _END.size
    if tail[_END64.size : _END64.size + 4] == b"PK\x06\x07":
        end = length - _TAIL
        _, locator_disk, where, disks = _LOCATOR.unpack_from(tail, _END64.size)
        mark, _, _, _, disk, first_disk, *rest = _END64.unpack_from(tail, 0)
        if (mark, locator_disk, where, disks, disk, first_disk) != (b"PK\x06\x06", 0, end, 1, 0, 0):
            return None
        if rest != [count, count, size, begin]:
            return None
    return (begin, size, count) if begin + size == end else None


def _entry(data: bytes, at: int) -> tuple[Entry | None, int]:
    """The entry at an offset, None when it is not plain, and the offset behind it."""
    mark, version, flags, method, crc, packed, size, name, *odd, offset = _ENTRY.unpack_from(data, at)
    begin = at + _ENTRY.size
    raw = data[begin : begin + name]
    if mark != b"PK\x01\x02" or version > _VERSION or flags & ~_HARMLESS or method:
        return None, at
    if any(odd) or _FULL in (packed, size, offset):
        return None, at
    if len(raw) != name or not raw.isascii() or b"\0" in raw or b"\\" in raw:
        return None, at
    return Entry(intern(raw.decode()), offset, size, packed, 0, flags, crc), begin + name
