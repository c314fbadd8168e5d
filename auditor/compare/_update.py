"""Frobenius geometry of two low-rank updates s B A, never forming a product.

With dB = s1 B1 - s2 B2 and dA = A1 - A2 the difference of two updates of equal rank is dB A1 + s2 B2 dA,
whose square expands into r x r Gram matrices of *differences*. The usual n1^2 + n2^2 - 2 <W1, W2> loses
everything at small changes (at a relative change of 1e-6 it keeps three digits in float64, none in float32);
this keeps fourteen. Where even these terms cancel (another basis of one update), and for different ranks, the
norm is taken through QR factors of the stacked matrices: |[B1 B2] [A1; A2]| = |Rb Ra^T|.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import shown
from auditor.compare._factors import Factors, NotComparableError, finite, triangle

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CANCELLED = 1e-6
"""A squared norm below this part of its terms has lost six of float64's sixteen digits: QR keeps them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Squared Frobenius norms of two updates and of their difference; ``same`` when all factors are equal."""

    base: float
    head: float
    gap: float
    same: bool = False


@dataclass(frozen=True, slots=True)
class _Grams:
    """Inner products of the columns of two tall matrices x and y, and of d = x - y; each is r x r."""

    xx: "NDArray[Any]"
    yy: "NDArray[Any]"
    dd: "NDArray[Any]"
    dy: "NDArray[Any]"
    xd: "NDArray[Any]"


def measure(one: Factors | None, two: Factors | None) -> Measured:
    """Compare one module's updates; a side without the module has none, which is zero.

    Raises NotComparableError (NaN, infinity, overflow) and CannotRead.
    """
    import numpy

    with numpy.errstate(over="ignore", invalid="ignore"):
        if one is None or two is None:
            alone = 0.0 if (only := one or two) is None else _norm(only)
            found = Measured(alone if one else 0.0, alone if two else 0.0, alone)
        elif one.rank != two.rank:
            found = Measured(_norm(one), _norm(two), _stacked(one, two))
        else:
            found = _of_equal_rank(one, two)
    if not math.isfinite(found.base + found.head + found.gap):
        name = known.a.name if (known := one or two) else ""
        raise NotComparableError(f"tensor {shown(name)} holds numbers too large for their squares")
    return found


def _of_equal_rank(one: Factors, two: Factors) -> Measured:
    rows = one.rows
    left = _grams(_zip(_left(one, rows), _left(two, rows)), one.rank)
    right = _grams(_zip(_right(one, rows), _right(two, rows)), one.rank)
    terms = _inner(left.dd, right.xx) + _inner(left.yy, right.dd)
    bound = left.dd.trace() * right.xx.trace() + left.yy.trace() * right.dd.trace()
    gap = terms + 2 * _inner(left.dy, right.xd)
    if bound and gap < _CANCELLED * bound:
        gap = _by_qr(
            lambda: (_beside(x - y, y) for x, y in _zip(_left(one, rows), _left(two, rows))),
            lambda: (_beside(x, x - y) for x, y in _zip(_right(one, rows), _right(two, rows))),
        )
    return Measured(
        _norm(one, left.xx, right.xx),
        _norm(two, left.yy, right.yy),
        gap,
        not bound and not left.dd.any() and not right.dd.any() and one.scaling == two.scaling,
    )


def _norm(factors: Factors, left: "NDArray[Any] | None" = None, right: "NDArray[Any] | None" = None) -> float:
    """The squared norm of one update, from its Gram matrices where they are known."""
    rows = factors.rows
    if left is None or right is None:
        left, right = _gram(_left(factors, rows), factors.rank), _gram(_right(factors, rows), factors.rank)
    bound = float(left.trace() * right.trace())
    found = _inner(left, right)
    if bound and found < _CANCELLED * bound:
        return _by_qr(lambda: _left(factors, rows), lambda: _right(factors, rows))
    return found


def _stacked(one: Factors, two: Factors) -> float:
    rows = min(one.rows, two.rows)
    return _by_qr(
        lambda: (_beside(x, -y) for x, y in _zip(_left(one, rows), _left(two, rows))),
        lambda: (_beside(x, y) for x, y in _zip(_right(one, rows), _right(two, rows))),
    )


def _by_qr(
    left: Callable[[], Iterator["NDArray[Any]"]], right: Callable[[], Iterator["NDArray[Any]"]]
) -> float:
    """|L R^T|^2 of tall matrices given block by block."""
    import numpy

    core = triangle(left()) @ triangle(right()).T
    return float(numpy.vdot(core, core))


def _grams(pairs: Iterator[tuple["NDArray[Any]", "NDArray[Any]"]], rank: int) -> _Grams:
    import numpy

    found = _Grams(*(numpy.zeros((rank, rank)) for _ in range(5)))
    for x, y in pairs:
        d = x - y
        found.xx[...] += x.T @ x
        found.yy[...] += y.T @ y
        if d.any():
            found.dd[...] += d.T @ d
            found.dy[...] += d.T @ y
            found.xd[...] += x.T @ d
    return found


def _gram(blocks: Iterator["NDArray[Any]"], rank: int) -> "NDArray[Any]":
    import numpy

    found = numpy.zeros((rank, rank))
    for block in blocks:
        found += block.T @ block
    return found


def _inner(one: "NDArray[Any]", two: "NDArray[Any]") -> float:
    import numpy

    return float(numpy.vdot(one, two))


def _beside(one: "NDArray[Any]", two: "NDArray[Any]") -> "NDArray[Any]":
    import numpy

    return numpy.hstack((one, two))


def _zip(
    one: Iterator["NDArray[Any]"], two: Iterator["NDArray[Any]"]
) -> Iterator[tuple["NDArray[Any]", "NDArray[Any]"]]:
    return zip(one, two, strict=True)


def _left(factors: Factors, rows: int) -> Iterator["NDArray[Any]"]:
    return (factors.scaling * finite(block, factors.b) for block in factors.left(rows))


def _right(factors: Factors, rows: int) -> Iterator["NDArray[Any]"]:
    return (finite(block, factors.a) for block in factors.right(rows))
