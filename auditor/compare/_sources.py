"""Where the engine takes a tensor's elements from: a region of an open file, in its order or by strides."""

import sys
from typing import TYPE_CHECKING, Any, Protocol

from auditor.artifacts import _tensor_bytes
from auditor.artifacts._number_formats import STORED, numbers
from auditor.artifacts._opened import Opened
from auditor.artifacts._safetensors import shown
from auditor.artifacts._tensor_bytes import CHUNK, Region
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPREAD_LIMIT = 8 * 1024 * 1024
"""Most bytes of a storage that are brought into memory for one chunk of a scattered tensor."""
_IS_LITTLE = sys.byteorder == "little"
_DIMENSIONS = 32
_HALVINGS = 6
_LARGEST = 8
"""Bytes of the largest element, F64, I64, U64 or C64."""


class Room:
    """Memory for one chunk of one side, used again for every chunk of one thread."""

    def __init__(self, elements: int = CHUNK) -> None:
        import numpy

        self.elements = elements
        self.raw = numpy.empty((elements + 1) * _LARGEST, numpy.uint8)
        self.wide = numpy.empty(elements, numpy.uint32)
        self.view = self.raw.data


class Source(Protocol):
    """The elements of one tensor of one side."""

    @property
    def dtype(self) -> str:
        """The word of safetensors, or NF4 and FP4."""

    @property
    def elements(self) -> int:
        """Number of elements."""

    def load(self, start: int, count: int, room: Room) -> "NDArray[Any]":
        """Elements as they are stored, in the room's memory or their own. Raises CannotRead."""

    def numbers(self, raw: "NDArray[Any]", room: Room) -> "NDArray[Any]":
        """What `load` gave, as numbers."""

    def verify(self) -> None:
        """Raise CannotRead when the file was changed meanwhile."""


class Stored:
    """A region of an open file."""

    def __init__(self, file: Opened, region: Region) -> None:
        import numpy

        self.file = file
        self.region = region
        self.dtype = region.dtype
        self.elements = region.elements
        self._word = numpy.dtype(STORED.get(region.dtype, "u1"))
        self._is_plain = region.bits == 8 * self._word.itemsize and region.little_endian == _IS_LITTLE

    def load(self, start: int, count: int, room: Room) -> "NDArray[Any]":
        """As in `Source`."""
        if self._is_plain:
            size = count * self._word.itemsize
            if not self.file.fill(room.view[:size], self.region.begin + start * self._word.itemsize):
                raise self.region.cut()
            return room.raw[:size].view(self._word)
        place, size, skip = self.region.span(start, count)
        if not self.file.fill(room.view[:size], place):
            raise self.region.cut()
        return _tensor_bytes.stored(self.region, room.raw[:size], skip, count)

    def numbers(self, raw: "NDArray[Any]", room: Room) -> "NDArray[Any]":
        """As in `Source`."""
        return widened(raw, self.dtype, room)

    def verify(self) -> None:
        """As in `Source`."""
        self.file.verify()


class Scattered(Stored):
    """A tensor of torch whose strides scatter it over its storage, such as a transposed one."""

    def load(self, start: int, count: int, room: Room) -> "NDArray[Any]":
        """As in `Source`; the stretch of the storage that holds these elements is brought into memory."""
        shape = self.region.strides[0] if self.region.strides else ()
        if len(shape) > _DIMENSIONS:
            raise CannotRead(f"gives tensor {shown(self.region.name)} {len(shape)} dimensions")
        return self._gathered(start, count, _HALVINGS)

    def _gathered(self, start: int, count: int, halvings: int) -> "NDArray[Any]":
        """The elements; a stretch that is too long is tried in halves: rows may be cut from a wider tensor."""
        import numpy

        shape, strides = self.region.strides or ((), ())
        where = numpy.zeros(count, numpy.int64)
        indices = numpy.unravel_index(numpy.arange(start, start + count), shape)
        for index, stride in zip(indices, strides, strict=True):
            where += index * stride
        first, last = int(where.min()), int(where.max())
        size = (last - first + 1) * self.region.bits // 8
        if size > SPREAD_LIMIT and halvings and count > 1:
            half = count // 2
            parts = (start, half), (start + half, count - half)
            return numpy.concatenate([self._gathered(*part, halvings - 1) for part in parts])
        if size > SPREAD_LIMIT:
            raise CannotRead(
                f"scatters tensor {shown(self.region.name)} over {size:,} bytes of its storage (strides), "
                "too many to gather"
            )
        data = numpy.empty(size, numpy.uint8)
        if not self.file.fill(data.data, self.region.begin + first * self.region.bits // 8):
            raise self.region.cut()
        found: NDArray[Any] = _tensor_bytes.stored(self.region, data, 0, count)[where - first]
        return found


def source(file: Opened, region: Region) -> Stored:
    """The elements of a region."""
    return Stored(file, region) if region.strides is None else Scattered(file, region)


def widened(raw: "NDArray[Any]", dtype: str, room: Room) -> "NDArray[Any]":
    """`numbers`, with BF16 and F16 made float32 in the room's memory.

    F16: its bits moved to float32's places are the number times 2**-112, subnormal numbers too; only infinities and
    NaN, whose exponent is the highest, come out as numbers and are converted one by one.
    """
    import numpy

    wide = room.wide[: raw.size]
    if dtype == "BF16":
        numpy.copyto(wide, raw)
        numpy.left_shift(wide, 16, out=wide)
        return wide.view(numpy.float32)
    if dtype == "F16" and raw.size:
        bits = raw.view(numpy.uint16)
        if int((bits & 0x7FFF).max()) >= 0x7C00:
            return raw.astype(numpy.float32)
        signed = wide.view(numpy.int32)
        numpy.copyto(signed, raw.view(numpy.int16))
        numpy.left_shift(wide, 13, out=wide)
        numpy.bitwise_and(wide, 0x8FFFE000, out=wide)
        found = wide.view(numpy.float32)
        numpy.multiply(found, numpy.float32(2.0**112), out=found)
        return found
    return numbers(raw, dtype)
