"""The elements of a tensor, read from the place in a file where they lie one behind the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.artifacts._number_formats import GROUP, STORED, numbers, numpy_module, unpacked
from auditor.artifacts._opened import Opened
from auditor.artifacts._safetensors import BITS, shown
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 131_072
"""Elements a chunk: 128 Ki measured fastest for one pass over two files (others cost up to threefold)."""


@dataclass(frozen=True, slots=True)
class Region:
    """Where a tensor's elements lie: dtype in the safetensors word, ``begin`` of the first one in bytes.

    They follow each other in row-major order unless there are ``strides``, (shape, elements a step) of torch.
    """

    name: str
    dtype: str
    elements: int
    begin: int
    little_endian: bool = True
    strides: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @property
    def bits(self) -> int:
        """Bits an element."""
        return BITS[self.dtype]

    def span(self, start: int, count: int) -> tuple[int, int, int]:
        """(offset in the file, bytes, elements to skip) that hold ``count`` elements from ``start``."""
        if self.bits >= 8:
            size = self.bits // 8
            return self.begin + start * size, count * size, 0
        elements, size = GROUP[self.bits]
        first, last = start // elements, -(-(start + count) // elements)
        # A tensor may end inside a group; its bytes end with its last element.
        end = min(last * size, -(-self.elements * self.bits // 8))
        return self.begin + first * size, end - first * size, start - first * elements

    def cut(self) -> CannotRead:
        """What to raise when the file ends before the tensor does."""
        return CannotRead(f"ends in the middle of tensor {shown(self.name)}")


def stored(region: Region, data: "NDArray[Any]", skip: int, count: int) -> "NDArray[Any]":
    """Elements as they are stored, native byte order, or one code a byte, from the bytes of `Region.span`."""
    import numpy

    if region.bits >= 8:
        word = STORED.get(region.dtype, "u1")
        found: NDArray[Any] = data.view(("<" if region.little_endian else ">") + word)
        return found if region.little_endian else found.astype(word)
    size = GROUP[region.bits][1]
    missing = -len(data) % size
    whole = numpy.concatenate((data, numpy.zeros(missing, numpy.uint8))) if missing else data
    return unpacked(whole, region.bits)[skip : skip + count]


def read(file: Opened, region: Region, start: int, count: int) -> "NDArray[Any]":
    """``count`` numbers from element ``start`` in memory of their own. Raises CannotRead."""
    numpy = numpy_module()
    place, size, skip = region.span(start, count)
    if place + size > file.size:
        raise region.cut()
    try:
        data = numpy.empty(size, numpy.uint8)
    except MemoryError as error:
        raise CannotRead(f"holds tensor {shown(region.name)}, which does not fit into memory") from error
    if not file.fill(memoryview(data), place):
        raise region.cut()
    return numbers(stored(region, data, skip, count), region.dtype)


def chunks(file: Opened, region: Region, elements: int) -> Iterator["NDArray[Any]"]:
    """All numbers in order, flat, ``elements`` at a time; those left at the end. Raises CannotRead."""
    for start in range(0, region.elements, elements):
        yield read(file, region, start, min(elements, region.elements - start))
    file.verify()
