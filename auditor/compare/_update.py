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

from auditor.artifacts._safetensors import TensorInfo, shown
from auditor.artifacts.adapter_weights import AdapterWeights

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 1 << 20
"""Elements of a factor looked at in one go: 8 MB in float64, so that an lm_head of any size fits."""
RANK_LIMIT = 4096
"""Largest rank compared; a Gram matrix of it is 128 MB in float64."""
FACTOR_LIMIT = 1 << 27
"""Most elements of an A, which is read whole (512 MB in float32); rank 128 over 262,208 tokens has 2**25."""
_CANCELLED = 1e-6
"""A squared norm below this part of its terms has lost six of float64's sixteen digits: QR keeps them."""


class NotComparableError(Exception):
    """Why two updates cannot be compared: one clause without a full stop."""


@dataclass(frozen=True, slots=True)
class Factors:
    """One module's update ``scaling * b @ a`` in one file; kernel dimensions count as columns of ``a``."""

    weights: AdapterWeights
    a: TensorInfo
    b: TensorInfo
    scaling: float

    @property
    def rank(self) -> int:
        """Rows of A."""
        return self.a.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """(out, in) of the update, a convolution's kernel flattened into in."""
        return self.b.shape[0], self.a.elements // self.rank

    def left(self, rows: int) -> Iterator["NDArray[Any]"]:
        """B, scaled, in float64 blocks of (up to ``rows``, r). Raises CannotRead and NotComparableError."""
        import numpy

        for chunk in self.weights.chunks(self.b.name, rows * self.rank):
            yield self.scaling * _finite(chunk.astype(numpy.float64), self.b).reshape(-1, self.rank)

    def right(self, rows: int) -> Iterator["NDArray[Any]"]:
        """A transposed, in float64 blocks of (up to ``rows``, r); raises as `left` does."""
        import numpy

        whole = self.weights.array(self.a.name).reshape(self.rank, -1)
        for start in range(0, whole.shape[1], rows):
            yield _finite(whole[:, start : start + rows].T.astype(numpy.float64), self.a)


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
    rows = max(1, BLOCK // one.rank)
    left = _grams(_zip(one.left(rows), two.left(rows)), one.rank)
    right = _grams(_zip(one.right(rows), two.right(rows)), one.rank)
    terms = _inner(left.dd, right.xx) + _inner(left.yy, right.dd)
    bound = left.dd.trace() * right.xx.trace() + left.yy.trace() * right.dd.trace()
    gap = terms + 2 * _inner(left.dy, right.xd)
    if bound and gap < _CANCELLED * bound:
        gap = _by_qr(
            lambda: (_beside(x - y, y) for x, y in _zip(one.left(rows), two.left(rows))),
            lambda: (_beside(x, x - y) for x, y in _zip(one.right(rows), two.right(rows))),
        )
    return Measured(
        _norm(one, left.xx, right.xx),
        _norm(two, left.yy, right.yy),
        gap,
        not bound and not left.dd.any() and not right.dd.any() and one.scaling == two.scaling,
    )


def _norm(factors: Factors, left: "NDArray[Any] | None" = None, right: "NDArray[Any] | None" = None) -> float:
    """The squared norm of one update, from its Gram matrices where they are known."""
    rows = max(1, BLOCK // factors.rank)
    if left is None or right is None:
        left, right = _gram(factors.left(rows), factors.rank), _gram(factors.right(rows), factors.rank)
    bound = float(left.trace() * right.trace())
    found = _inner(left, right)
    if bound and found < _CANCELLED * bound:
        return _by_qr(lambda: factors.left(rows), lambda: factors.right(rows))
    return found


def _stacked(one: Factors, two: Factors) -> float:
    rows = max(1, BLOCK // max(one.rank, two.rank))
    return _by_qr(
        lambda: (_beside(x, -y) for x, y in _zip(one.left(rows), two.left(rows))),
        lambda: (_beside(x, y) for x, y in _zip(one.right(rows), two.right(rows))),
    )


def _by_qr(
    left: Callable[[], Iterator["NDArray[Any]"]], right: Callable[[], Iterator["NDArray[Any]"]]
) -> float:
    """|L R^T|^2 of tall matrices given block by block."""
    import numpy

    core = _triangle(left()) @ _triangle(right()).T
    return float(numpy.vdot(core, core))


def _triangle(blocks: Iterator["NDArray[Any]"]) -> "NDArray[Any]":
    """The R of a tall matrix's QR decomposition, block by block: R of [R so far; next block]."""
    import numpy

    found: NDArray[Any] | None = None
    for block in blocks:
        whole = block if found is None else numpy.vstack((found, block))
        found = numpy.asarray(numpy.linalg.qr(whole, mode="r"))
    return numpy.zeros((0, 0)) if found is None else found


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


def _finite(block: "NDArray[Any]", info: TensorInfo) -> "NDArray[Any]":
    import numpy

    if not numpy.isfinite(block).all():
        raise NotComparableError(f"tensor {shown(info.name)} holds NaN or infinite values")
    return block
