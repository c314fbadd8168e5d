"""The largest number of a tensor, its norm, and how many elements are no numbers: what many ask, in one reading."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from auditor.artifacts._number_formats import numpy_module

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Extremes(NamedTuple):
    """``largest`` is the largest magnitude, NaN where there is one and 0.0 without elements.

    ``bad`` counts NaN and infinities, of which integers have none. ``squares`` is the sum of squares in float64.
    """

    largest: float
    bad: int
    squares: float


def extremes(chunks: "Iterable[NDArray[Any]]") -> Extremes:
    """Those of all chunks together."""
    numpy = numpy_module()
    largest, bad, squares = 0.0, 0, 0.0
    with numpy.errstate(invalid="ignore", over="ignore"):
        for chunk in chunks:
            if not chunk.size:
                continue
            some = abs(chunk) if chunk.dtype.kind == "c" else chunk
            found = max(abs(float(some.min())), abs(float(some.max())))
            if not found < numpy.inf:  # NaN is not
                bad += int(chunk.size) - int(numpy.isfinite(chunk).sum())
            largest = found if found != found or found > largest else largest
            # Not by BLAS, whose threads cost more than they save where somebody else has imported NumPy.
            squares += float(numpy.square(some, dtype=numpy.float64).sum())
    return Extremes(largest, bad, squares)
