"""Whether one adapter holds the other's numbers, rounded to a shorter type."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import BITS, TensorInfo
from auditor.compare._names import Match
from auditor.compare._sides import Side
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOATS = ("F64", "F32", "F16", "BF16")


def rounded_words(one: Side, two: Side, matches: Iterable[Match], outside: Iterable[Match]) -> str | None:
    """A clause that says so, when it holds for every tensor of both sides; None when it does not."""
    pairs = list(_pairs(one, two, matches, outside))
    found: set[tuple[str, str]] = set()
    for first, second in pairs:
        if first is None or second is None or first.shape != second.shape:
            return None
        if first.dtype == second.dtype:
            continue
        side, dtype = (
            ("head", second.dtype) if BITS[first.dtype] > BITS[second.dtype] else ("base", first.dtype)
        )
        if BITS[first.dtype] == BITS[second.dtype] or not {first.dtype, second.dtype} <= set(_FLOATS):
            return None
        found.add((side, dtype))
    if len({side for side, _ in found}) != 1:
        return None
    try:
        if not all(_rounds(one, x, two, y) for x, y in pairs if x is not None and y is not None):
            return None
    except CannotRead:
        return None
    (side,) = {side for side, _ in found}
    other = "base" if side == "head" else "head"
    return (
        f"every number of the {side} is the {other}'s, rounded to {' or '.join(sorted(d for _, d in found))}"
    )


def _pairs(
    one: Side, two: Side, matches: Iterable[Match], outside: Iterable[Match]
) -> Iterator[tuple[TensorInfo | None, TensorInfo | None]]:
    for match in matches:
        x = one.modules[match.base].pair if match.base is not None else None
        y = two.modules[match.head].pair if match.head is not None else None
        for part in ("a", "b", "magnitude"):
            sides = getattr(x, part, None), getattr(y, part, None)
            if sides != (None, None):
                yield sides
    for match in outside:
        yield (
            one.weights.tensors[match.base] if match.base is not None else None,
            two.weights.tensors[match.head] if match.head is not None else None,
        )


def _rounds(one: Side, first: TensorInfo, two: Side, second: TensorInfo) -> bool:
    """Whether the numbers are equal in the shorter of both types."""
    import numpy

    dtype = min(first.dtype, second.dtype, key=lambda word: BITS.get(word, 0))
    chunks = zip(one.weights.chunks(first.name), two.weights.chunks(second.name), strict=True)
    if first.dtype == second.dtype:
        return all(numpy.array_equal(x, y, equal_nan=True) for x, y in chunks)
    return all(numpy.array_equal(rounded(x, dtype), rounded(y, dtype), equal_nan=True) for x, y in chunks)


def rounded(array: "NDArray[Any]", dtype: str) -> "NDArray[Any]":
    """Numbers rounded to F32, F16 or BF16, to nearest and half to even; BF16 comes back as float32.

    torch rounds float64 to bfloat16 by way of float32 (torch 2.13.0, c10/util/BFloat16.h), and so does this.
    """
    import numpy

    with numpy.errstate(over="ignore"):
        if dtype != "BF16":
            return array.astype(numpy.float16 if dtype == "F16" else numpy.float32)
        single = numpy.ascontiguousarray(array, dtype=numpy.float32)
    bits = single.view(numpy.uint32)
    up = (bits + (0x7FFF + ((bits >> 16) & 1)).astype(numpy.uint32)) & numpy.uint32(0xFFFF0000)
    return numpy.where(numpy.isnan(single), single, up.view(numpy.float32))
