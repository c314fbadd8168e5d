"""Slices of tensors too large to be held, and who is handed them."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from auditor.artifacts import _tensor_bytes
from auditor.artifacts._number_formats import numbers
from auditor.artifacts._safetensors import shown
from auditor.artifacts._tensor_bytes import Region
from auditor.compare._scratch import Source
from auditor.compare._windows import Keeper
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALIGNED = 1024
"""A slice of a tensor that is read from end to end holds a multiple of so many elements, but for the last one."""


RUN = 8
"""Least mean length, in elements, of the runs that a scattered tensor's slice is read in, one by one."""
_SPAN = 4
"""Most elements read for one that is wanted, where runs are shorter and all between them is read with them."""

_DIMENSIONS = 32


class Member(NamedTuple):
    """One tensor of one file, cut into ``pieces`` one behind the other (the rows of lora_A)."""

    file: int
    name: str
    pieces: int = 1


class Strand(NamedTuple):
    """Tensors walked through in step: (pieces, ``length``, the rest) each, sliced along the length.

    A length of None leaves the cut to others; all members then have one shape.
    """

    members: tuple[Member, ...]
    length: int | None = None


class Slice:
    """A stretch of each piece of a tensor: ``raw`` are (pieces, elements) as they are stored.

    ``start`` is the first element's place in its piece, ``row`` the length of a piece in elements. The memory is used
    again for the next slice.
    """

    __slots__ = ("_numbers", "dtype", "raw", "row", "start")

    def __init__(self, dtype: str, raw: "NDArray[Any]", start: int, row: int) -> None:
        self.dtype, self.raw, self.start, self.row = dtype, raw, start, row
        self._numbers: NDArray[Any] | None = None

    @property
    def numbers(self) -> "NDArray[Any]":
        """The elements as numbers, as `AdapterWeights.chunks` gives them."""
        if self._numbers is None:
            self._numbers = numbers(self.raw, self.dtype)
        return self._numbers


class Running(Protocol):
    """Somebody who sums up what passes by."""

    @property
    def strands(self) -> Sequence[Strand]:
        """What is walked through, one strand after the other."""

    @property
    def memory(self) -> int:
        """Bytes of the running sums, about."""

    def take(self, strand: int, slices: Sequence[Slice]) -> None:
        """Add one slice of each member of a strand. Raises CannotRead when nothing can come of it."""

    def done(self) -> None:
        """All strands have passed."""


class Unit:
    """What one task wants: ``finished`` is called when all has passed, else ``instead``, which reads for itself."""

    def __init__(
        self,
        running: Sequence[Running] | None,
        instead: Callable[[], None],
        finished: Callable[[], None] = lambda: None,
    ) -> None:
        self.is_possible = running is not None
        self.running = running or ()
        self.instead, self._finished = instead, finished
        strands = (strand for item in self.running for strand in item.strands)
        self.members = {member for strand in strands for member in strand.members}
        """All that it reads."""
        self.files = {member.file for member in self.members}

    def done(self) -> None:
        """All has passed; what was summed up is let go."""
        for item in self.running:
            item.done()
        self.running = ()
        self._finished()


class Node:
    """One tensor of an open file while its slices are read; `Keeper` is handed all of it."""

    def __init__(self, file: Source, region: Region, pieces: int, row: int, keeper: Keeper | None) -> None:
        self._file, self._region, self._pieces, self._row = file, region, pieces, row
        self._keeper = keeper
        self.is_copy = False
        """Whether these bytes were read of the file before."""
        self._buffer: NDArray[Any] | None = None

    def load(self, start: int, count: int) -> Slice:
        """``count`` elements from ``start`` of each piece. Raises CannotRead."""
        import numpy

        region, pieces = self._region, self._pieces
        first, size, skip = region.span(start, count)
        if self._buffer is None or self._buffer.size < pieces * size:
            self._buffer = numpy.empty(pieces * size, numpy.uint8)
        data = self._buffer[: pieces * size]
        for piece in range(pieces):
            place = first + piece * self._row * region.bits // 8
            mine = data[piece * size : (piece + 1) * size]
            if not self._file.fill(mine.data, place):
                raise region.cut()
            if self._keeper is not None:
                self._keeper.add(place - region.begin, mine)
        raw = _tensor_bytes.stored(region, data, skip, pieces * count)
        return Slice(region.dtype, raw.reshape(pieces, count), start, self._row)

    def close(self) -> None:
        """Raise CannotRead when the file was changed meanwhile."""
        self._file.verify()
        if self._keeper is not None:
            self._keeper.done()


class ScatteredNode(Node):
    """A tensor of torch whose strides scatter it over its storage: the runs that a slice is made of are read.

    Where these are short, the stretch that they lie in is.
    """

    def load(self, start: int, count: int) -> Slice:
        """As in `Node`; runs of a few elements each, far from each other, are too many to read."""
        import numpy

        region = self._region
        unique, back = numpy.unique(self._places(start, count), return_inverse=True)
        edges = [0, *(numpy.flatnonzero(numpy.diff(unique) != 1) + 1).tolist(), unique.size]
        size = region.bits // 8
        if unique.size < RUN * (len(edges) - 1):
            span = int(unique[-1] - unique[0]) + 1
            if span > _SPAN * unique.size:
                raise CannotRead(f"scatters tensor {shown(region.name)} over its storage (strides)")
            back = (unique - unique[0])[back]
            unique, edges = unique[:1], [0, span]
        data = numpy.empty(edges[-1] * size, numpy.uint8)
        for first, last in pairwise(edges):
            place = region.begin + int(unique[first]) * size
            if not self._file.fill(data[first * size : last * size].data, place):
                raise region.cut()
        raw = _tensor_bytes.stored(region, data, 0, edges[-1])[back]
        return Slice(region.dtype, raw.reshape(self._pieces, count), start, self._row)

    def _places(self, start: int, count: int) -> "NDArray[Any]":
        """Where in the storage the elements lie."""
        import numpy

        shape, strides = self._region.strides or ((), ())
        if len(shape) > _DIMENSIONS:
            raise CannotRead(f"gives tensor {shown(self._region.name)} {len(shape)} dimensions")
        flat = numpy.arange(self._pieces)[:, None] * self._row + numpy.arange(start, start + count)
        places = numpy.zeros(flat.size, numpy.int64)
        for size, stride in zip(reversed(shape), reversed(strides), strict=True):
            flat, index = numpy.divmod(flat, size)
            places += index.reshape(-1) * stride
        return places
