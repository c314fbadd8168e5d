"""TFRecord framing: length, masked CRC32C of the length, data, masked CRC32C of the data.

Source: tensorflow/core/lib/io/record_writer.h (the layout) and lib/hash/crc32c.h (the mask).
"""

from __future__ import annotations

import struct

from auditor.artifacts._crc32c import crc32c, crc32c_each
from auditor.errors import CannotRead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

RECORD_LIMIT = 256 * 1024 * 1024
"""Longest record in bytes that is believed; protobuf itself stops at 2 GB."""
_MASK_DELTA = 0xA282EAD8
_ONES = 0xFFFFFFFF
_HEAD, _FOOT = 12, 4
_BATCH_SIZE = 512 * 1024
"""Bytes of records whose checksums are computed at a time; the last of them may be longer."""
_HEADS = 1024
"""Lengths whose checksums are remembered; most records of a file have one of a few."""


Batch = tuple[list[bytes], frozenset[int]]
"""Contents of records that follow each other, and which of them (counted from 0) fail a checksum."""


class Cut:
    """Where reading stopped: byte offset of a record that is incomplete or whose length is unbelievable."""

    def __init__(self, offset: int) -> None:
        self.offset = offset


def records(data: bytes) -> Iterator[Batch | Cut]:
    """The records of a whole file, many at a time; a `Cut` comes last, if at all.

    Raises CannotRead when already the first length is absurd and fails its checksum: no TFRecord file.
    """
    heads: dict[bytes, int] = {}
    offset = 0
    while offset < len(data):
        found, following = _batch(data, offset, heads)
        yield found
        if following == offset:
            _refuse(data, offset)
            yield Cut(offset)
            return
        offset = following


def _batch(data: bytes, offset: int, heads: dict[bytes, int]) -> tuple[Batch, int]:
    """Records from an offset on, and the offset behind them; ends at one that is incomplete or unbelievably long.

    ``heads`` remembers lengths by the bytes that give them with the right checksum.
    """
    contents: list[bytes] = []
    feet: list[bytes] = []
    unsound: list[int] = []
    size, stop = len(data), offset + _BATCH_SIZE
    while offset < stop:
        begin = offset + _HEAD
        head = data[offset:begin]
        known = heads.get(head)
        length = int.from_bytes(head[:8], "little") if known is None else known
        end = begin + length
        if end + _FOOT > size or length > RECORD_LIMIT:
            break
        if known is None:
            if not _is_trusted(head):
                unsound.append(len(contents))
            elif len(heads) < _HEADS:
                heads[head] = length
        contents.append(data[begin:end])
        offset = end + _FOOT
        feet.append(data[end:offset])
    checks = struct.unpack(f"<{len(feet)}I", b"".join(feet))
    unsound += [
        at
        for at, (crc, check) in enumerate(zip(crc32c_each(contents), checks, strict=True))
        if ((crc >> 15 | crc << 17) + _MASK_DELTA) & _ONES != check
    ]
    return (contents, frozenset(unsound)), offset


def _is_trusted(head: bytes) -> bool:
    return masked_crc32c(head[:8]) == int.from_bytes(head[8:], "little")


def _refuse(data: bytes, offset: int) -> None:
    """Raise CannotRead when the record that cannot be read is the first one, and no beginning of any file."""
    head = data[:_HEAD]
    if offset == 0 and len(head) == _HEAD and not _is_trusted(head):
        length = int.from_bytes(head[:8], "little")
        raise CannotRead(f"is no event file: its first record would be {length} bytes long")


def masked_crc32c(data: bytes) -> int:
    """CRC32C, rotated right by 15 bits plus a constant, so that checksums of checksums stay useful."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & _ONES
