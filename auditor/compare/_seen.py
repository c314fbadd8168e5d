"""What is seen of the two factors of one update on one way through them."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.compare._factors import Factors, NotComparableError, factors_of, wide
from auditor.compare._slices import Member, Slice, Strand
from auditor.compare._triangle import Triangle, blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


class Seen(NamedTuple):
    """B, A, and the triangles of B and A transposed, without rows for factors that make no product."""

    left: Read
    right: Read
    core: tuple[Triangle, Triangle]

    @classmethod
    def nothing(cls) -> "Seen":
        """Before anything was read."""
        return cls(Read(), Read(), (Triangle(), Triangle()))


def seen_of(factors: Factors) -> Seen:
    """Read the factors of a module. Raises CannotRead."""
    import numpy

    found = Seen.nothing()
    sides = factors.left(factors.rows), factors.right(factors.rows)
    with numpy.errstate(over="ignore", invalid="ignore"):
        for read, made, side in zip(found[:2], found.core, sides, strict=True):
            for some in side:
                _add(made, read, some)
    return found


def _add(made: Triangle, read: Read, rows: "NDArray[Any]") -> None:
    for (block,) in blocks(rows):
        made.add(read.look(wide(block)))


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
        self.memory = 0
        if self._factors is not None:
            self.memory = 2 * Triangle.memory(self._factors.rank)

    def take(self, strand: int, slices: Sequence[Slice]) -> None:
        """As in `Running`."""
        import numpy

        read = self._reads[strand]
        if self._factors is None:
            read.look(slices[0].numbers)
            return
        with numpy.errstate(over="ignore", invalid="ignore"):
            rows = rows_of(slices[0].numbers, self._is_b[strand], self._factors.rank)
            _add(self._triangles[strand], read, rows)

    def done(self) -> None:
        """As in `Running`."""
        left, right, core = Seen.nothing()
        for is_b, read, made in zip(self._is_b, self._reads, self._triangles, strict=True):
            left, right = (read, right) if is_b else (left, read)
            core = (made, core[1]) if is_b else (core[0], made)
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
