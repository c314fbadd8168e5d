"""Squared norms of low-rank updates and of their differences while their factors pass by once, A before B.

With A1^T - A2^T = dA and the QR decomposition [A1^T dA] = Q [X D], whose Q has orthonormal columns, row i of the
difference of two updates of equal rank, (B1 - B2) A1 + B2 dA, is as long as row i of (B1 - B2) X^T + B2 D^T. So X and
D are all that has to be kept of A, no row of B is needed twice, and nothing is squared before the last sum: a small
difference, another basis of one update and a multiple of it are as exact as float64 can have them. Factors of
different ranks are decomposed side by side, [A1^T A2^T].

Above `_DECOMPOSED` columns the decomposition takes more memory than there is. Products of the columns with each other
then serve, G = [A1^T dA]^T [A1^T dA]: a row u of coefficients is as long as u G u^T says, to half as many digits where
terms cancel, which leaves a relative distance of 1e-8 of another basis.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from auditor.compare._factors import Factors, Triangle, wide
from auditor.compare._seen import row_count
from auditor.compare._update import Measured, noise_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DECOMPOSED = 512
"""Columns of both sides that are decomposed: two of rank 256."""
_ROWS = 128
"""Rows at a time of more columns than that."""


class Products:
    """|W1|^2, |W2|^2, |W1 - W2|^2 and <W1, W2> of two updates of one shape, from their factors' rows."""

    def __init__(self, one: Factors, two: Factors) -> None:
        self._common = one.scaling == two.scaling
        self._scalings = (1.0, 1.0) if self._common else (one.scaling, two.scaling)
        self._scale = one.scaling**2 if self._common else 1.0
        self._ranks = one.rank, two.rank
        self._right = Triangle() if sum(self._ranks) <= _DECOMPOSED else Gram()
        self._moved = one.rank != two.rank
        self._base = self._head = self._gap = self._cross = 0.0
        self._factors = one, two
        self._squares: list[list[Any]] = [[0.0, 0.0], [0.0, 0.0]]
        """Of A's rows and of B's columns, on each side."""

    @property
    def memory(self) -> int:
        """Bytes of what is kept of A."""
        return 8 * sum(self._ranks) ** 2

    def right(self, one: "NDArray[Any]", two: "NDArray[Any]") -> None:
        """Add rows of A transposed, (rows, r)."""
        import numpy

        first = self._ranks[0]
        for x, y in _blocks(one, two):
            both = numpy.empty((len(x), sum(self._ranks)))
            both[:, :first], both[:, first:] = x, y
            self._square(0, both[:, :first], both[:, first:])
            if self._ranks[0] == self._ranks[1]:
                numpy.subtract(both[:, :first], both[:, first:], out=both[:, first:])
                self._moved = self._moved or bool(both[:, first:].any())
            self._right.add(both)

    def left(self, one: "NDArray[Any]", two: "NDArray[Any]") -> None:
        """Add rows of B, (rows, r), when all of A has passed."""
        first = self._ranks[0]
        kept = self._right.matrix
        for x, y in _blocks(one, two) if kept.size else ():
            b1, b2 = self._scalings[0] * wide(x), self._scalings[1] * wide(y)
            self._square(1, b1, b2)
            change = b1 - b2 if self._ranks[0] == self._ranks[1] else None
            self._moved = self._moved or change is None or bool(change.any())
            if isinstance(self._right, Gram):
                self._add(*_by_gram(b1, b2, change, kept))
            else:
                self._add(*_by_basis(b1, b2, change, kept[:first, :first], kept[:, first:]))

    def _add(self, base: float, head: float, gap: float, cross: float) -> None:
        self._base += base
        self._head += head
        self._gap += gap
        self._cross += cross

    def measured(self) -> tuple[Measured, float]:
        """The squared norms, and <W1, W2>."""
        import numpy

        s = self._scale
        same = self._common and not self._moved
        noises = [
            s * noise_of(factors, squares[1], squares[0], 1.0) if all(map(numpy.ndim, squares)) else 0.0
            for factors, squares in zip(self._factors, self._squares, strict=True)
        ]
        return Measured(s * self._base, s * self._head, s * self._gap, same, *noises), s * self._cross

    def _square(self, part: int, one: "NDArray[Any]", two: "NDArray[Any]") -> None:
        import numpy

        for squares, rows in zip(self._squares, (one, two), strict=True):
            squares[part] = squares[part] + numpy.einsum("ij,ij->j", rows, rows)


class Gram:
    """Products of all columns of a tall matrix with each other, block by block."""

    def __init__(self) -> None:
        self._found: NDArray[Any] | None = None

    def add(self, block: "NDArray[Any]") -> None:
        """Add rows, in float64."""
        found = block.T @ block
        if self._found is None:
            self._found = found
        else:
            self._found += found

    @property
    def matrix(self) -> "NDArray[Any]":
        """(columns, columns) of all rows so far."""
        import numpy

        return numpy.zeros((0, 0)) if self._found is None else self._found


_Sums = tuple[float, float, float, float]
"""|W1|^2, |W2|^2, |W1 - W2|^2 and <W1, W2> of some rows."""


def _by_basis(
    b1: "NDArray[Any]",
    b2: "NDArray[Any]",
    change: "NDArray[Any] | None",
    x: "NDArray[Any]",
    other: "NDArray[Any]",
) -> _Sums:
    """With X, and D, or Y where ranks differ, so that there is no ``change`` b1 - b2."""
    w1, gap = b1 @ x.T, b2 @ other.T
    own = slice(0, w1.shape[1])
    w2 = gap.copy()
    if change is not None:
        w2 *= -1
        w2[:, own] += b2 @ x.T
        gap[:, own] += change @ x.T
    else:
        gap *= -1
        gap[:, own] += w1
    return _inner(w1, w1), _inner(w2, w2), _inner(gap, gap), _inner(w1, w2[:, own])


def _by_gram(
    b1: "NDArray[Any]", b2: "NDArray[Any]", change: "NDArray[Any] | None", gram: "NDArray[Any]"
) -> _Sums:
    """Coefficients of W1 are [b1 0], of W2 [b2 -b2] over [A1 dA], or [0 b2] over [A1 A2]."""
    first = b1.shape[1]
    xx, xo, oo = gram[:first, :first], gram[:first, first:], gram[first:, first:]
    x1, x2, o1 = b1 @ xx, b2 @ oo, b1 @ xo
    if change is None:
        base, head, cross = _inner(x1, b1), _inner(x2, b2), _inner(o1, b2)
        return base, head, max(0.0, base + head - 2 * cross), cross
    o2, y2 = b2 @ xo, b2 @ xx
    head = _inner(y2, b2) - 2 * _inner(o2, b2) + _inner(x2, b2)
    gap = _inner(change @ xx, change) + 2 * _inner(change @ xo, b2) + _inner(x2, b2)
    return _inner(x1, b1), max(0.0, head), max(0.0, gap), _inner(x1, b2) - _inner(o1, b2)


class Norm:
    """|W|^2 of one update, from its factors' rows."""

    def __init__(self, factors: Factors) -> None:
        self._factors = factors
        self._right = Triangle()
        self._sum = 0.0

    @property
    def memory(self) -> int:
        """Bytes of the triangle."""
        return 8 * self._factors.rank**2

    def right(self, rows: "NDArray[Any]") -> None:
        """Add rows of A transposed."""
        for x, _ in _blocks(rows, rows):
            self._right.add(wide(x))

    def left(self, rows: "NDArray[Any]") -> None:
        """Add rows of B, when all of A has passed."""
        triangle = self._right.matrix
        for x, _ in _blocks(rows, rows) if triangle.size else ():
            made = wide(x) @ triangle.T
            self._sum += _inner(made, made)

    def measured(self) -> float:
        """The squared norm."""
        return self._factors.scaling**2 * self._sum


def _blocks(one: "NDArray[Any]", two: "NDArray[Any]") -> Iterator[tuple["NDArray[Any]", "NDArray[Any]"]]:
    """Rows of both, as many as are decomposed at a time, or few of many columns."""
    columns = one.shape[1] + two.shape[1]
    step = row_count(columns) if columns <= _DECOMPOSED else _ROWS
    for start in range(0, len(one), step):
        yield one[start : start + step], two[start : start + step]


def _inner(one: "NDArray[Any]", two: "NDArray[Any]") -> float:
    import numpy

    return float(numpy.vdot(one, two))
