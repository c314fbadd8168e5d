"""Squared norms of low-rank updates and of their differences while their factors pass by once, A before B.

With A1^T - A2^T = dA and the QR decomposition [A1^T dA] = Q [X D], whose Q has orthonormal columns, row i of the
difference of two updates of equal rank, (B1 - B2) A1 + B2 dA, is as long as row i of (B1 - B2) X^T + B2 D^T. So X and
D are all that has to be kept of A, no row of B is needed twice, and nothing is squared before the last sum: a small
difference, another basis of one update and a multiple of it are as exact as float64 can have them. Factors of
different ranks are decomposed side by side, [A1^T A2^T].
"""

from typing import TYPE_CHECKING, Any

from auditor.compare._factors import Factors, wide
from auditor.compare._measured import Measured, inner, noise_of, squares_of_columns
from auditor.compare._triangle import Triangle, blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Products:
    """|W1|^2, |W2|^2, |W1 - W2|^2 and <W1, W2> of two updates of one shape, from their factors' rows."""

    def __init__(self, one: Factors, two: Factors) -> None:
        import numpy

        self._common = one.scaling == two.scaling
        self._scalings = (1.0, 1.0) if self._common else (one.scaling, two.scaling)
        self._scale = one.scaling**2 if self._common else 1.0
        self._ranks = one.rank, two.rank
        self._right = Triangle()
        self._moved = one.rank != two.rank
        self._base = self._head = self._gap = self._cross = 0.0
        self._factors = one, two
        self._squares = [numpy.zeros((2, factors.rank)) for factors in self._factors]
        """Of A's rows and of B's columns, on each side."""

    @property
    def memory(self) -> int:
        """Bytes of what is kept of A."""
        return Triangle.memory(sum(self._ranks))

    def right(self, one: "NDArray[Any]", two: "NDArray[Any]") -> None:
        """Add rows of A transposed, (rows, r)."""
        import numpy

        first = self._ranks[0]
        for x, y in blocks(one, two):
            both = numpy.empty((len(x), sum(self._ranks)))
            both[:, :first], both[:, first:] = x, y
            self._square(0, both[:, :first], both[:, first:])
            if self._ranks[0] == self._ranks[1]:
                numpy.subtract(both[:, :first], both[:, first:], out=both[:, first:])
                self._moved = self._moved or bool(both[:, first:].any())
            self._right.add(both)

    def left(self, one: "NDArray[Any]", two: "NDArray[Any]") -> None:
        """Add rows of B, (rows, r), when all of A has passed."""
        for x, y in blocks(one, two) if self._right.rows else ():
            b1, b2 = self._scalings[0] * wide(x), self._scalings[1] * wide(y)
            self._square(1, b1, b2)
            change = b1 - b2 if self._ranks[0] == self._ranks[1] else None
            self._moved = self._moved or change is None or bool(change.any())
            for start, panel in self._right.panels:
                self._add(*_along(b1, b2, change, start, panel))

    def _add(self, base: float, head: float, gap: float, cross: float) -> None:
        self._base += base
        self._head += head
        self._gap += gap
        self._cross += cross

    def measured(self) -> tuple[Measured, float]:
        """The squared norms, and <W1, W2>."""
        s = self._scale
        same = self._common and not self._moved
        # An update of zeros is told exactly, although W2 is made of terms that cancel.
        lengths = zip((self._base, self._head), self._squares, strict=True)
        base, head = (norm if left @ right else 0.0 for norm, (right, left) in lengths)
        noises = (
            s * noise_of(factors, left, right, 1.0)
            for factors, (right, left) in zip(self._factors, self._squares, strict=True)
        )
        head = base if same else head
        return Measured(s * base, s * head, s * self._gap, same, *noises), s * self._cross

    def _square(self, part: int, one: "NDArray[Any]", two: "NDArray[Any]") -> None:
        for squares, rows in zip(self._squares, (one, two), strict=True):
            squares[part] += squares_of_columns(rows)


_Sums = tuple[float, float, float, float]
"""|W1|^2, |W2|^2, |W1 - W2|^2 and <W1, W2>."""


def _along(
    b1: "NDArray[Any]",
    b2: "NDArray[Any]",
    change: "NDArray[Any] | None",
    start: int,
    panel: "NDArray[Any]",
) -> _Sums:
    """What lies along some columns of Q; the panel is of [X D], or of [X Y] where ranks differ: no ``change`` then."""
    first = b1.shape[1]
    width = max(0, first - start)
    x, other = panel[:width, :width], panel[:, width:]
    own = slice(0, len(x))
    w1, gap = b1[:, start:] @ x.T, b2[:, max(0, start - first) :] @ other.T
    w2 = gap.copy()
    if change is not None:
        w2 *= -1
        w2[:, own] += b2[:, start:] @ x.T
        gap[:, own] += change[:, start:] @ x.T
    else:
        gap *= -1
        gap[:, own] += w1
    return inner(w1, w1), inner(w2, w2), inner(gap, gap), inner(w1, w2[:, own])


class Norm:
    """|W|^2 of one update, from its factors' rows."""

    def __init__(self, factors: Factors) -> None:
        self._factors = factors
        self._right = Triangle()
        self._sum = 0.0

    @property
    def memory(self) -> int:
        """Bytes of the triangle."""
        return Triangle.memory(self._factors.rank)

    def right(self, rows: "NDArray[Any]") -> None:
        """Add rows of A transposed."""
        for (x,) in blocks(rows):
            self._right.add(wide(x))

    def left(self, rows: "NDArray[Any]") -> None:
        """Add rows of B, when all of A has passed."""
        for (x,) in blocks(rows):
            some = wide(x)
            for start, panel in self._right.panels:
                made = some[:, start:] @ panel.T
                self._sum += inner(made, made)

    def measured(self) -> float:
        """The squared norm."""
        return self._factors.scaling**2 * self._sum
