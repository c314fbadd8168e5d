"""Frobenius geometry of two low-rank updates s B A, never forming a product.

With dB = s1 B1 - s2 B2 and dA = A1 - A2 the difference of two updates of equal rank is dB A1 + s2 B2 dA,
whose square expands into r x r Gram matrices of *differences*. The usual n1^2 + n2^2 - 2 <W1, W2> loses
everything at small changes (at a relative change of 1e-6 it keeps three digits in float64, none in float32);
this keeps fourteen. Where even these terms cancel (another basis of one update), and for different ranks, the
norm is taken through QR factors of the stacked matrices: |[B1 B2] [A1; A2]| = |Rb Ra^T|.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import shown
from auditor.compare._factors import BrokenError, Factors, NotComparableError, wide
from auditor.compare._measured import Measured, inner, noise_of
from auditor.compare._products import Products
from auditor.compare._triangle import product, row_count, triangle
from auditor.compare._wide import by_product, exceeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CANCELLED = 1e-6
"""A squared norm below this part of its terms has lost six of float64's sixteen digits: QR keeps them."""


_HIGH = 256
"""Above this rank Gram matrices of both sides and their difference take more than 5 MB; `Products` keeps less."""


def measure(one: Factors | None, two: Factors | None) -> Measured:
    """Compare one module's updates; a side without the module has none, which is zero.

    Raises BrokenError for NaN and infinity, NotComparableError for overflow, and CannotRead.
    """
    import numpy

    with numpy.errstate(over="ignore", invalid="ignore", under="ignore"):
        if exceeds(one) or exceeds(two):
            found = by_product(one, two)
        elif one is None or two is None:
            alone = 0.0 if (only := one or two) is None else _alone(only)[0]
            found = Measured(alone if one else 0.0, alone if two else 0.0, alone)
        elif max(one.rank, two.rank) > _HIGH:
            found = _of_high_rank(one, two)
        elif one.rank != two.rank:
            (base, noise), (head, other) = _alone(one), _alone(two)
            gap = _stacked(one, two) if one.scaling and two.scaling else base + head
            found = Measured(base, head, gap, base_noise=noise, head_noise=other)
        else:
            found = _of_equal_rank(one, two)
    if not math.isfinite(found.base + found.head + found.gap):
        for side in (one, two):
            if side is not None:
                _refuse(side)
        name = known.a.name if (known := one or two) else ""
        raise NotComparableError(f"tensor {shown(name)} holds numbers too large for their squares")
    return found


def _refuse(factors: Factors) -> None:
    """Say which factor is not finite, if one is."""
    for info in (factors.a, factors.b):
        if factors.weights.extremes(info.name).bad:
            raise BrokenError(
                f"tensor {shown(info.name)} in {factors.weights.path} holds NaN or infinite values"
            )


def _of_high_rank(one: Factors, two: Factors) -> Measured:
    products, rows = Products(one, two), min(one.rows, two.rows)
    for x, y in _zip(one.right, two.right, rows):
        products.right(x, y)
    for x, y in _zip(one.left, two.left, rows):
        products.left(x, y)
    return products.measured()[0]


def _of_equal_rank(one: Factors, two: Factors) -> Measured:
    """Equal scalings are left out and multiplied in at the end, which changes no digit."""
    common = one.scaling == two.scaling
    first, second = (1.0, 1.0) if common else (one.scaling, two.scaling)
    left = _grams(_zip(one.left, two.left, one.rows // 3), one.rank, first, second)
    right = _grams(_zip(one.right, two.right, one.rows // 3), one.rank, 1.0, 1.0)
    gap = inner(left.dd, right.xx) + inner(left.yy, right.dd) + 2 * inner(left.dy, right.xd)
    bound = left.dd.trace() * right.xx.trace() + left.yy.trace() * right.dd.trace()
    if bound and gap < _CANCELLED * bound:
        rows = row_count(2 * one.rank)
        gap = _by_qr(
            lambda: _beside(_zip(one.left, two.left, rows), (first, -second), (0.0, second)),
            lambda: _beside(_zip(one.right, two.right, rows), (1.0, 0.0), (1.0, -1.0)),
        )
    found = Measured(
        _norm(one, left.xx, right.xx, first),
        _norm(two, left.yy, right.yy, second),
        gap,
        common and not left.moved and not right.moved,
        noise_of(one, left.xx.diagonal(), right.xx.diagonal(), 1.0),
        noise_of(two, left.yy.diagonal(), right.yy.diagonal(), 1.0),
    )
    if not common:
        return found
    s = one.scaling**2
    whole = {name: s * getattr(found, name) for name in ("base", "head", "gap", "base_noise", "head_noise")}
    return replace(found, **whole)


@dataclass(frozen=True, slots=True)
class _Grams:
    """Inner products of the columns of two tall matrices x and y, and of d = x - y; each is r x r."""

    xx: "NDArray[Any]"
    yy: "NDArray[Any]"
    dd: "NDArray[Any]"
    dy: "NDArray[Any]"
    xd: "NDArray[Any]"
    moved: bool


def _grams(
    pairs: Iterator[tuple["NDArray[Any]", "NDArray[Any]"]], rank: int, first: float, second: float
) -> _Grams:
    """One product of [x y d] with itself holds them all, and BLAS computes only half of it."""
    import numpy

    whole, moved = numpy.zeros((3 * rank, 3 * rank)), False
    buffer = numpy.empty((0, 3 * rank))
    for one, two in pairs:
        if len(buffer) < len(one):
            buffer = numpy.empty((len(one), 3 * rank), order="C" if one.flags.c_contiguous else "F")
        used = buffer[: len(one)]
        x, y, d = (used[:, start : start + rank] for start in (0, rank, 2 * rank))
        numpy.multiply(one, first, out=x, dtype=numpy.float64)
        numpy.multiply(two, second, out=y, dtype=numpy.float64)
        numpy.subtract(x, y, out=d)
        moved = moved or bool(d.any())
        whole += used.T @ used
    of_x, of_y, of_d = (slice(start, start + rank) for start in (0, rank, 2 * rank))
    return _Grams(
        whole[of_x, of_x], whole[of_y, of_y], whole[of_d, of_d], whole[of_d, of_y], whole[of_x, of_d], moved
    )


def _norm(factors: Factors, left: "NDArray[Any]", right: "NDArray[Any]", scaling: float) -> float:
    """The squared norm of one update, from the Gram matrices of its factors."""
    bound, found = float(left.trace() * right.trace()), inner(left, right)
    if bound and found < _CANCELLED * bound:
        rows = row_count(factors.rank)
        return scaling**2 * _by_qr(
            lambda: map(wide, factors.left(rows)), lambda: map(wide, factors.right(rows))
        )
    return found


def _alone(factors: Factors) -> tuple[float, float]:
    """The squared norm of one update, and the noise of its factors."""
    left = _gram(factors.left(factors.rows), factors.rank)
    right = _gram(factors.right(factors.rows), factors.rank)
    noise = noise_of(factors, left.diagonal(), right.diagonal(), factors.scaling)
    return factors.scaling**2 * _norm(factors, left, right, 1.0), noise


def _stacked(one: Factors, two: Factors) -> float:
    rows = row_count(one.rank + two.rank)
    return _by_qr(
        lambda: _beside(_zip(one.left, two.left, rows), (one.scaling, 0.0), (0.0, -two.scaling)),
        lambda: _beside(_zip(one.right, two.right, rows), (1.0, 0.0), (0.0, 1.0)),
    )


def _by_qr(
    left: Callable[[], Iterator["NDArray[Any]"]], right: Callable[[], Iterator["NDArray[Any]"]]
) -> float:
    """|L R^T|^2 of tall matrices given block by block."""
    core = product(triangle(left()), triangle(right()))
    return inner(core, core)


def _gram(blocks: Iterator["NDArray[Any]"], rank: int) -> "NDArray[Any]":
    import numpy

    found = numpy.zeros((rank, rank))
    for block in map(wide, blocks):
        found += block.T @ block
    return found


def _beside(
    pairs: Iterator[tuple["NDArray[Any]", "NDArray[Any]"]],
    left: tuple[float, float],
    right: tuple[float, float],
) -> Iterator["NDArray[Any]"]:
    """Blocks [p x + q y | s x + t y] in float64, (p, q) = left and (s, t) = right; one buffer holds them in turn."""
    import numpy

    buffer = numpy.empty((0, 0))
    for x, y in pairs:
        # A part that only one side has is as wide as that side.
        widths = [x.shape[1] if weights[0] else y.shape[1] for weights in (left, right)]
        if len(buffer) < len(x):
            buffer = numpy.empty((len(x), sum(widths)))
        used = buffer[: len(x)]
        for place, (p, q) in zip((used[:, : widths[0]], used[:, widths[0] :]), (left, right), strict=True):
            numpy.multiply(x if p else y, p or q, out=place, dtype=numpy.float64)
            if p and q:
                place += q * wide(y)
        yield used


def _zip(
    one: Callable[[int], Iterator["NDArray[Any]"]], two: Callable[[int], Iterator["NDArray[Any]"]], rows: int
) -> Iterator[tuple["NDArray[Any]", "NDArray[Any]"]]:
    return zip(one(max(1, rows)), two(max(1, rows)), strict=True)
