"""The largest distance of two tensors in units in the last place: how many numbers of their dtype lie between.

The codes of an IEEE float without their sign, taken as an integer m(x), grow with |x|; the distance is |m(a) - m(b)|
for equal signs and m(a) + m(b) for opposite ones. m is concave and m(0) = 0, so numbers with a gap D = |a - b| are at
most m(D) apart when their signs are equal, and at least m(D) and at most 2 m(D / 2) when they are opposite. Once some
distance is known, few elements need a look.
"""

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FORMS = {"F64": ("<Q", "<d"), "F32": ("<I", "<f"), "F16": ("<H", "<e"), "BF16": ("<I", "<f")}
"""The dtypes whose gaps bound distances, with the `struct` formats of a code and its number."""
_FEW = 16
_NEAR_TOP = 0.75
"""Pairs of opposite signs with this part of the largest gap are mostly so far apart that they rule all others out."""


class Codes(NamedTuple):
    """The stored elements of both sides as unsigned integers of ``width`` bits, the sign highest; 0: they have none.

    ``dtype`` is the word of safetensors, the same on both sides.
    """

    one: "NDArray[Any]"
    two: "NDArray[Any]"
    width: int
    dtype: str

    def where(self, mask: "NDArray[Any] | list[int]") -> "Codes":
        """The codes of some elements."""
        return Codes(self.one[mask], self.two[mask], self.width, self.dtype)


class Gaps(NamedTuple):
    """|a - b| of each element in float32 or float64, the largest of them, and where signs are opposite (how many).

    ``spare`` is memory for a mask.
    """

    gap: "NDArray[Any]"
    largest: float
    opposite: "NDArray[Any]"
    flips: int
    spare: "NDArray[Any]"


def farthest(codes: Codes, known: int, gaps: Gaps) -> int:
    """The largest distance of these elements, all finite, or ``known`` if that is larger."""
    if codes.dtype not in _FORMS:
        return _all(codes, known)
    if not gaps.flips:
        near = _of_equal_signs(codes, gaps.largest) if known < _code(codes.dtype, gaps.largest) else known
        return _all(codes, known) if near is None else max(known, near)
    enough = _code(codes.dtype, gaps.largest)
    if known < enough:
        known = _first(codes, known, gaps, enough)
    least = _bound(codes.dtype, known)
    return known if gaps.largest < least else _opposite(codes, _places(_with_gap(gaps, least)), known)


def _first(codes: Codes, known: int, gaps: Gaps, enough: int) -> int:
    """A distance of at least ``enough``, which no pair of equal signs exceeds; else the largest of all."""
    known = _opposite(codes, _places(_with_gap(gaps, _NEAR_TOP * gaps.largest)), known)
    if known < enough:
        known = _opposite(codes, _places(gaps.opposite), known)
    return known if known >= enough else _all(codes, known)


def _opposite(codes: Codes, where: "NDArray[Any] | list[int]", known: int) -> int:
    """The largest distance of pairs with opposite signs at these places."""
    if not isinstance(where, list):
        return _all(codes.where(where), known)
    mask = (1 << (codes.width - 1)) - 1
    for place in where:
        known = max(known, (int(codes.one[place]) & mask) + (int(codes.two[place]) & mask))
    return known


def _with_gap(gaps: Gaps, least: float) -> "NDArray[Any]":
    """Where signs are opposite and the gap is at least this."""
    import numpy

    numpy.greater_equal(gaps.gap, least, out=gaps.spare)
    numpy.logical_and(gaps.spare, gaps.opposite, out=gaps.spare)
    return gaps.spare


def _places(mask: "NDArray[Any]") -> "NDArray[Any] | list[int]":
    """Where a mask holds. `nonzero` is slow for each place; a few are found faster one by one."""
    found: list[int] = []
    start = 0
    while len(found) < _FEW:
        rest = mask[start:]
        step = int(rest.argmax()) if rest.size else 0
        if not rest.size or not rest[step]:
            return found
        start += step + 1
        found.append(start - 1)
    return mask.nonzero()[0]


def _of_equal_signs(codes: Codes, largest: float) -> int | None:
    """The largest distance where no signs are opposite; None when a zero with the other sign may hide.

    Integers of w bits wrap. A pair of a zero and a number of the other sign is then at least 2**(w - 2) apart as long
    as the number is below 2.0, whose code is 2**(w - 2).
    """
    import numpy

    word = f"i{codes.width // 8}"
    apart = numpy.subtract(codes.one.view(word), codes.two.view(word))
    found = max(int(apart.max()), -int(apart.min()))
    return found if largest < 2 and found < 1 << (codes.width - 2) else None


def _all(codes: Codes, known: int) -> int:
    import numpy

    one, two = codes.one, codes.two
    if not one.size:
        return known
    if not codes.width:
        return max(known, int((numpy.maximum(one, two) - numpy.minimum(one, two)).max()))
    sign = one.dtype.type(1 << (codes.width - 1))
    mine, theirs = one & ~sign, two & ~sign
    same = numpy.maximum(mine, theirs) - numpy.minimum(mine, theirs)
    return max(known, int(numpy.where((one ^ two) & sign, mine + theirs, same).max()))


def _code(dtype: str, gap: float) -> int:
    """An integer not below m(gap), which was rounded."""
    code, number = _FORMS[dtype]
    try:
        found = int(struct.unpack(code, struct.pack(number, gap))[0]) + 1
    except OverflowError:
        # Twice the largest number; no code is larger than that of infinity.
        found = int(struct.unpack(code, struct.pack(number, float("inf")))[0])
    return (found >> 16) + 1 if dtype == "BF16" else found


def _bound(dtype: str, known: int) -> float:
    """The gap below which no pair is farther apart than ``known``: twice the number with half its code."""
    code, number = _FORMS[dtype]
    raw = known // 2 << 16 if dtype == "BF16" else known // 2
    return 2 * float(struct.unpack(number, struct.pack(code, raw))[0])
