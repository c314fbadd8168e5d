"""CRC32C, Castagnoli's polynomial as in RFC 3720, appendix B.4, of many short pieces of bytes at once.

A CRC is linear: that of a message is the exclusive or of what each of its bytes alone would give at its distance from
the end. `crc32c_each` therefore lays messages out as rows of equal width and goes over the columns, each step by
``bytes.translate`` and the exclusive or of two long integers, in C for all rows together. Zeros before a row change
nothing while the register is zero, so that rows may be of any length; the register's real start is added afterwards.
"""

from __future__ import annotations

import struct
from itertools import islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_POLYNOMIAL = 0x82F63B78
_ONES = 0xFFFFFFFF
WIDTH = 64
"""Bytes of a row at most; longer messages take several."""
_LONG = 512
"""From this length in bytes on one message alone has enough rows."""
_PIECE = 1 << 20
"""Bytes laid out at a time, so that a file of 256 MiB needs some megabytes more than itself."""


def crc32c(data: bytes) -> int:
    """Checksum of bytes."""
    if len(data) < _LONG:
        return _by_one(data, _ONES) ^ _ONES
    crc = _ONES
    for begin in range(0, len(data), _PIECE):
        crc = _continued(crc, data[begin : begin + _PIECE])
    return crc ^ _ONES


def crc32c_each(messages: Sequence[bytes]) -> list[int]:
    """`crc32c` of every message; quick when there are many short ones."""
    lengths = list(map(len, messages))
    width = max(lengths, default=0)
    if width <= WIDTH:
        return _short(messages, lengths, width) if width else lengths
    found = [crc32c(message) if len(message) > _PIECE else 0 for message in messages]
    for bounds, checksums in ((range(WIDTH + 1), crc32c_each), (range(WIDTH + 1, _PIECE + 1), _long)):
        some = [number for number, length in enumerate(lengths) if length in bounds]
        for number, crc in zip(some, checksums([messages[number] for number in some]), strict=True):
            found[number] = crc
    return found


def _short(messages: Sequence[bytes], lengths: Sequence[int], width: int) -> list[int]:
    """Checksums of messages of one row each."""
    rows = b"".join([message.rjust(width, b"\0") for message in messages])
    starts = [crc ^ _ONES for crc in _STARTS]
    return [crc ^ starts[length] for crc, length in zip(_rows(rows, width), lengths, strict=True)]


def _long(messages: Sequence[bytes]) -> Iterable[int]:
    """Checksums of messages of several rows each; the first row of each is filled up."""
    rows = b"".join([message.rjust(-(-len(message) // WIDTH) * WIDTH, b"\0") for message in messages])
    values = iter(_rows(rows, WIDTH))
    a, b, c, d = _BEYOND
    for message in messages:
        further, first = divmod(len(message) - 1, WIDTH)
        crc = _STARTS[first + 1] ^ next(values)
        for row in islice(values, further):
            crc = a[crc & 255] ^ b[crc >> 8 & 255] ^ c[crc >> 16 & 255] ^ d[crc >> 24] ^ row
        yield crc ^ _ONES


def _by_one(data: bytes, crc: int) -> int:
    """The register after some bytes, one at a time."""
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc


def _continued(crc: int, data: bytes) -> int:
    """The register after more bytes, a row at a time."""
    over = len(data) % WIDTH
    crc = _by_one(data[:over], crc)
    a, b, c, d = _BEYOND
    for row in _rows(data[over:], WIDTH):
        crc = a[crc & 255] ^ b[crc >> 8 & 255] ^ c[crc >> 16 & 255] ^ d[crc >> 24] ^ row
    return crc


def _rows(rows: bytes, width: int) -> Iterable[int]:
    """What each row of ``width`` bytes leaves in a register that was zero."""
    count = len(rows) // width
    planes = 0
    for column, tables in zip(range(width), _COLUMNS[WIDTH - width :], strict=True):
        values = rows[column::width]
        planes ^= int.from_bytes(b"".join([values.translate(table) for table in tables]), "little")
    return _words(planes.to_bytes(4 * count, "little"), count)


def _words(planes: bytes, count: int) -> tuple[int, ...]:
    """Numbers of which first all the lowest bytes are given, then all the second ones, and so on."""
    words = bytearray(4 * count)
    for byte in range(4):
        words[byte::4] = planes[byte * count : (byte + 1) * count]
    return struct.unpack(f"<{count}I", words)


def _table() -> tuple[int, ...]:
    """What a byte leaves in the register, for each of its values: those of its bits together."""
    found = [0] * 256
    value, bit = 1, 128
    while bit:
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        for start in range(0, 256, 2 * bit):
            found[start + bit] = found[start] ^ value
        bit >>= 1
    return tuple(found)


def _columns() -> tuple[tuple[bytes, ...], ...]:
    """For each column of a row of `WIDTH` bytes four tables: byte -> byte k of what it leaves in the register."""
    words = struct.pack("<256I", *_TABLE)
    step = tuple(words[byte::4] for byte in range(4))
    found = [step]
    for _ in range(WIDTH - 1):
        low, *higher = found[-1]
        rest = int.from_bytes(b"".join(higher), "little")
        moved = int.from_bytes(b"".join([low.translate(table) for table in step]), "little") ^ rest
        raw = moved.to_bytes(1024, "little")
        found.append((raw[:256], raw[256:512], raw[512:768], raw[768:]))
    return tuple(reversed(found))


def _starts() -> tuple[int, ...]:
    """What a register of ones becomes by so many bytes of zeros."""
    found = [_ONES]
    for _ in range(WIDTH):
        found.append(_by_one(b"\0", found[-1]))
    return tuple(found)


def _beyond_a_row() -> tuple[tuple[int, ...], ...]:
    """Four tables that take the bytes of a register over a row: it acts like bytes added to the row's first four."""
    return tuple(_words(b"".join(tables), 256) for tables in _COLUMNS[:4])


_TABLE = _table()
_COLUMNS = _columns()
_STARTS = _starts()
_BEYOND = _beyond_a_row()
