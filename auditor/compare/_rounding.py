"""Whether one adapter holds the other's numbers, rounded to a shorter type."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import BITS, TensorInfo
from auditor.compare._names import Match
from auditor.compare._sides import Side
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOATS = ("F64", "F32", "F16", "BF16")


Infos = tuple[TensorInfo | None, TensorInfo | None]


class Rounding:
    """The question whether one side's numbers are the other's rounded, put to tensor after tensor while it holds."""

    def __init__(self, one: Side, two: Side, matches: Iterable[Match], outside: Iterable[Match]) -> None:
        self._one, self._two = one, two
        pairs = [pair for match in matches for pair in of_module(one, two, match)]
        self._shorter = _shorter([*pairs, *(of_tensor(one, two, match) for match in outside)])
        self._holds = self._shorter is not None

    def look(self, pairs: Iterable[Infos]) -> None:
        """Look at some pairs of tensors."""
        try:
            self._holds = self._holds and all(
                _rounds(self._one, x, self._two, y) for x, y in pairs if x is not None and y is not None
            )
        except CannotRead:
            self._holds = False

    @property
    def is_open(self) -> bool:
        """Whether it held for all tensors so far."""
        return self._holds

    def told(self, holds: bool) -> None:
        """What somebody else found out about a pair of tensors."""
        self._holds = self._holds and holds

    @property
    def words(self) -> str | None:
        """A clause that says so, when it held for every tensor of both sides; None when it did not."""
        if self._shorter is None or not self._holds:
            return None
        side, dtypes = self._shorter
        other = "base" if side == "head" else "head"
        return f"every number of the {side} is the {other}'s, rounded to {' or '.join(dtypes)}"


def _shorter(pairs: Iterable[Infos]) -> tuple[str, Sequence[str]] | None:
    """The side whose floats are shorter wherever the types differ, and those types; None where shapes differ too."""
    found: set[tuple[str, str]] = set()
    for first, second in pairs:
        if first is None or second is None or first.shape != second.shape:
            return None
        if first.dtype == second.dtype:
            continue
        if BITS[first.dtype] == BITS[second.dtype] or not {first.dtype, second.dtype} <= set(_FLOATS):
            return None
        is_head = BITS[first.dtype] > BITS[second.dtype]
        found.add(("head", second.dtype) if is_head else ("base", first.dtype))
    sides = {side for side, _ in found}
    return (sides.pop(), sorted(dtype for _, dtype in found)) if len(sides) == 1 else None


def of_module(one: Side, two: Side, match: Match) -> Iterator[Infos]:
    """The factors of a module and its magnitude on both sides."""
    x = one.modules[match.base].pair if match.base is not None else None
    y = two.modules[match.head].pair if match.head is not None else None
    for part in ("a", "b", "magnitude"):
        sides = getattr(x, part, None), getattr(y, part, None)
        if sides != (None, None):
            yield sides


def of_tensor(one: Side, two: Side, match: Match) -> Infos:
    """A tensor outside LoRA on both sides."""
    return (
        one.weights.tensors[match.base] if match.base is not None else None,
        two.weights.tensors[match.head] if match.head is not None else None,
    )


def _rounds(one: Side, first: TensorInfo, two: Side, second: TensorInfo) -> bool:
    """Whether the numbers are equal in the shorter of both types."""
    chunks = zip(one.weights.chunks(first.name), two.weights.chunks(second.name), strict=True)
    return all(agree(x, first.dtype, y, second.dtype) for x, y in chunks)


def agree(x: "NDArray[Any]", first: str, y: "NDArray[Any]", second: str) -> bool:
    """Whether numbers of two types are equal in the shorter one."""
    import numpy

    if first == second:
        return bool(numpy.array_equal(x, y, equal_nan=True))
    dtype = min(first, second, key=lambda word: BITS.get(word, 0))
    return bool(numpy.array_equal(rounded(x, dtype), rounded(y, dtype), equal_nan=True))


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
