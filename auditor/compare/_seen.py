"""What is seen of the two factors of one update on one way through them."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.compare._factors import Factors, NotComparableError, Triangle, factors_of, triangle, wide
from auditor.compare._slices import Member, Slice, Strand

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ELEMENTS = 1 << 16
"""Elements of a block that is decomposed: an eighth of `_factors.BLOCK` was measured fastest at rank 16."""
_ROWS = 512
"""Most rows of a block of a matrix of many columns; as many as it has columns would be fastest."""


class Read:
    """One factor: its largest finite element, NaN and infinities."""

    def __init__(self) -> None:
        self.largest: float | None = None
        self.nan = self.infinite = 0

    def look(self, block: "NDArray[Any]") -> "NDArray[Any]":
        """The block itself, or a copy with zeros for what is not finite."""
        import numpy

        if not block.size:
            return block
        largest = max(float(block.max()), -float(block.min()))
        if not math.isfinite(largest):
            bad = ~numpy.isfinite(block)
            nan = int(numpy.count_nonzero(numpy.isnan(block)))
            self.nan += nan
            self.infinite += int(numpy.count_nonzero(bad)) - nan
            if bad.all():
                return numpy.zeros_like(block)
            block = numpy.where(bad, 0, block)
            largest = max(float(block.max()), -float(block.min()))
        self.largest = max(self.largest or 0.0, largest)
        return block

    def through(self, blocks: Iterator["NDArray[Any]"]) -> Iterator["NDArray[Any]"]:
        """All blocks in float64, each looked at."""
        return (self.look(wide(block)) for block in blocks)


class Seen(NamedTuple):
    """B, A, and the triangles of B and A transposed, which are None for factors that make no product."""

    left: Read
    right: Read
    core: "tuple[NDArray[Any], NDArray[Any]]"

    @classmethod
    def nothing(cls) -> "Seen":
        """Before anything was read."""
        import numpy

        return cls(Read(), Read(), (numpy.zeros((0, 0)), numpy.zeros((0, 0))))


def seen_of(factors: Factors) -> Seen:
    """Read the factors of a module. Raises CannotRead."""
    import numpy

    left, right = Read(), Read()
    with numpy.errstate(over="ignore", invalid="ignore"):
        one = triangle(left.through(factors.left(factors.rows)))
        return Seen(left, right, (one, triangle(right.through(factors.right(factors.rows)))))


class RunningFactors:
    """A `Running` over the factors of one module; ``finished`` is given what was seen."""

    def __init__(
        self, weights: AdapterWeights, pair: LoraPair, file: int, finished: Callable[[Seen], None]
    ) -> None:
        try:
            self._factors: Factors | None = factors_of(weights, pair, 1.0)
        except NotComparableError:
            self._factors = None
        infos = [info for info in (pair.a, pair.b) if info is not None]
        self._reads = [Read() for _ in infos]
        self._triangles = [Triangle() for _ in infos]
        self._is_b = [info is pair.b for info in infos]
        self._finished = finished
        self.strands = tuple(strand_of(self._factors, info is pair.b, ((file, info),)) for info in infos)
        self.memory = 0 if self._factors is None else 16 * self._factors.rank**2

    def take(self, strand: int, slices: Sequence[Slice]) -> None:
        """As in `Running`."""
        import numpy

        read = self._reads[strand]
        if self._factors is None:
            read.look(slices[0].numbers)
            return
        with numpy.errstate(over="ignore", invalid="ignore"):
            for block in blocks(rows_of(slices[0].numbers, self._is_b[strand], self._factors.rank)):
                self._triangles[strand].add(read.look(wide(block)))

    def done(self) -> None:
        """As in `Running`."""
        left, right, core = Seen.nothing()
        for is_b, read, made in zip(self._is_b, self._reads, self._triangles, strict=True):
            left, right = (read, right) if is_b else (left, read)
            core = (made.matrix, core[1]) if is_b else (core[0], made.matrix)
        self._finished(Seen(left, right, core))


def strand_of(factors: Factors | None, is_b: bool, tensors: Sequence[tuple[int, TensorInfo]]) -> Strand:
    """A strand over one factor of several files, sliced along the rows of B or the columns of A; else as it is."""
    if factors is None or is_b:
        length = None if factors is None else factors.shape[0]
        return Strand(tuple(Member(file, info.name) for file, info in tensors), length)
    return Strand(tuple(Member(file, info.name, info.shape[0]) for file, info in tensors), factors.shape[1])


def rows_of(numbers: "NDArray[Any]", is_b: bool, rank: int) -> "NDArray[Any]":
    """Rows of a tall factor, (rows, r): of B, or of A transposed."""
    return numbers.reshape(-1, rank) if is_b else numbers.T


def blocks(tall: "NDArray[Any]") -> Iterator["NDArray[Any]"]:
    """A tall matrix in blocks of rows that are decomposed one after the other."""
    step = row_count(tall.shape[1])
    for start in range(0, len(tall), step):
        yield tall[start : start + step]


def row_count(columns: int) -> int:
    """Rows of such a block."""
    return max(1, _ELEMENTS // columns, min(columns, _ROWS))
