"""TFRecord framing: length, masked CRC32C of the length, data, masked CRC32C of the data.

Source: tensorflow/core/lib/io/record_writer.h (the layout) and lib/hash/crc32c.h (the mask); Castagnoli's
polynomial as in RFC 3720, appendix B.4.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from auditor.errors import CannotRead

RECORD_LIMIT = 256 * 1024 * 1024
"""Longest record in bytes that is believed; protobuf itself stops at 2 GB."""
_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8
_ONES = 0xFFFFFFFF
_HEAD, _FOOT = 12, 4

_Tables = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One record. ``sound`` means that both checksums are right; ``data`` may be anything otherwise."""

    number: int
    data: bytes
    sound: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """Where reading stopped: byte offset of a record that is incomplete or whose length is unbelievable."""

    offset: int


def records(data: bytes) -> Iterator[Record | Cut]:
    """The records of a whole file, numbered from 0; a `Cut` comes last, if at all.

    Raises CannotRead when already the first length is absurd and fails its checksum: no TFRecord file.
    """
    offset = number = 0
    while offset < len(data):
        head = data[offset : offset + _HEAD]
        length = int.from_bytes(head[:8], "little")
        whole = len(head) == _HEAD
        trusted = whole and _of_length(head[:8]) == int.from_bytes(head[8:], "little")
        end = offset + _HEAD + length + _FOOT
        if not whole or length > RECORD_LIMIT or end > len(data):
            if number == 0 and whole and not trusted:
                raise CannotRead(f"is no event file: its first record would be {length} bytes long")
            yield Cut(offset)
            return
        content = data[offset + _HEAD : end - _FOOT]
        sound = trusted and masked_crc32c(content) == int.from_bytes(data[end - _FOOT : end], "little")
        yield Record(number, content, sound)
        offset, number = end, number + 1


def masked_crc32c(data: bytes) -> int:
    """CRC32C, rotated right by 15 bits plus a constant, so that checksums of checksums stay useful."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & _ONES


@lru_cache(maxsize=1024)
def _of_length(field: bytes) -> int:
    """Most records of a file have one of a few lengths."""
    return masked_crc32c(field)


def crc32c(data: bytes) -> int:
    """Checksum of bytes, eight at a time (slicing-by-8: table k advances a byte over k more bytes)."""
    t0, t1, t2, t3, t4, t5, t6, t7 = _tables()
    crc = _ONES
    whole = len(data) & ~7
    for (word,) in struct.iter_unpack("<Q", data[:whole]):
        word ^= crc
        crc = (
            t7[word & 255]
            ^ t6[word >> 8 & 255]
            ^ t5[word >> 16 & 255]
            ^ t4[word >> 24 & 255]
            ^ t3[word >> 32 & 255]
            ^ t2[word >> 40 & 255]
            ^ t1[word >> 48 & 255]
            ^ t0[word >> 56]
        )
    for byte in data[whole:]:
        crc = t0[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ _ONES


@cache
def _tables() -> _Tables:
    first = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        first.append(value)
    tables = [tuple(first)]
    for _ in range(7):
        tables.append(tuple(first[value & 255] ^ value >> 8 for value in tables[-1]))
    return tuple(tables)
