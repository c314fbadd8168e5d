"""Updates whose rank exceeds a dimension of the weight: the product is smaller than its factors, so it is formed."""

from typing import TYPE_CHECKING, Any

from auditor.compare._factors import Factors, wide
from auditor.compare._measured import Measured, inner, noise_of, squares_of_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray


def exceeds(factors: Factors | None) -> bool:
    """Whether Gram matrices of this rank would be larger than what they stand for."""
    return factors is not None and factors.rank > min(factors.shape)


def by_product(one: Factors | None, two: Factors | None) -> Measured:
    """Both updates and their difference; a side without the module has none, which is zero.

    The product is formed block by block. Raises CannotRead.
    """
    import numpy

    sides = [side for side in (one, two) if side is not None]
    turned = sides[0].shape[0] <= sides[0].shape[1]
    small = [_whole(side, turned) for side in sides]
    same = len(sides) == 2 and sides[0].scaling == sides[1].scaling and _equal(small)
    norms, gap = [0.0, 0.0], 0.0
    squares: list[Any] = [0.0, 0.0]
    rows = min(side.rows for side in sides)
    for blocks in zip(*((s.right if turned else s.left)(rows) for s in sides), strict=True):
        products = []
        for place, (block, factor) in enumerate(zip(map(wide, blocks), small, strict=True)):
            products.append(sides[place].scaling * (block @ factor.T))
            norms[place] += inner(products[place], products[place])
            squares[place] = squares[place] + squares_of_columns(block)
        apart = products[0] - products[-1]
        gap += inner(apart, apart)
        same = same and numpy.array_equal(blocks[0], blocks[-1])
    if len(sides) == 2:
        noises = (
            noise_of(side, of_blocks, squares_of_columns(factor), side.scaling)
            for side, of_blocks, factor in zip(sides, squares, small, strict=True)
        )
        return Measured(norms[0], norms[1], gap, same, *noises)
    return Measured(norms[0] if one else 0.0, norms[0] if two else 0.0, norms[0])


def _whole(factors: Factors, turned: bool) -> "NDArray[Any]":
    """The factor of the smaller dimension, (dimension, r) in float64: fewer elements than r squared."""
    import numpy

    rows = max(1, min(factors.shape))
    blocks = list(factors.left(rows) if turned else factors.right(rows))
    return wide(numpy.vstack(blocks)) if blocks else numpy.zeros((0, factors.rank))


def _equal(factors: list["NDArray[Any]"]) -> bool:
    import numpy

    return numpy.array_equal(factors[0], factors[1])
