"""The type in which a file holds its numbers: files are rounded to a shorter one, and widened again."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._rounding import rounded
from auditor.compare.reach import ROUNDED
from auditor.model import AdapterComparison

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORT = ("BF16", "F16")
"""Types that round what is trained in float32."""


def equal_bits(one: "NDArray[Any]", two: "NDArray[Any]") -> bool:
    """Equal shape and bytes, so that NaN is equal to itself and -0 is not 0."""
    return one.shape == two.shape and one.dtype == two.dtype and one.tobytes() == two.tobytes()


def held(dtype: str, values: "NDArray[Any]") -> str:
    """The type of a tensor's values: ``dtype``, in which it is stored, or of float32 the shorter one that holds all."""
    return _shortest(dtype, (values,))


def held_by(weights: AdapterWeights, name: str) -> str:
    """The same of a tensor in a file, read in chunks: an embedding saved beside the factors may fill the memory."""
    return _shortest(weights.info(name).dtype, weights.chunks(name))


def _shortest(dtype: str, parts: "Iterable[NDArray[Any]]") -> str:
    if dtype != "F32":
        return dtype
    left, told = list(SHORT), False
    for values in parts:
        told = told or bool(values.any())
        left = [short for short in left if equal_bits(values, as_held(short, values))]
        if not left:
            break
    return left[0] if left and told else dtype


def as_held(dtype: str, values: "NDArray[Any]") -> "NDArray[Any]":
    """Values rounded to a shorter type and widened again; as they are for another type."""
    return rounded(values, dtype).astype(values.dtype) if dtype in SHORT else values


def coarse(theirs: AdapterWeights, compared: AdapterComparison) -> float:
    """What rounding of both factors moves the update at most, as ``relative_distance`` is: each module by its share.

    A factor moves the product of its module by what its type rounds away of a number. A module that nobody trained
    holds short numbers on a short base, and moves nothing.
    """
    pairs, moved, whole = theirs.pairs(), 0.0, [0.0, 0.0]
    for item in compared.modules:
        pair = pairs.get(item.module)
        factors = () if pair is None else tuple(info for info in (pair.a, pair.b) if info is not None)
        share = sum(ROUNDED.get(held_by(theirs, info.name), 0.0) for info in factors)
        moved += (share * max(item.base_norm, item.head_norm)) ** 2
        whole = [whole[0] + item.base_norm**2, whole[1] + item.head_norm**2]
    return math.sqrt(moved / max(whole)) if max(whole) else 0.0
