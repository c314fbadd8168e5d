"""What is summed up of two tensors while their chunks pass by once, each of them in the cache."""

import math
from typing import TYPE_CHECKING, Any

from auditor.compare._ulps import Codes, Gaps, farthest

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROW = 1024
"""Elements whose products are summed up in float32; the rows' sums in float64, so that rounding does not pile up."""
_SMALL = 1e-25
"""Below this float32 sum, products that vanish (under 1e-38 each) may matter; it is then taken in float64."""
_ALIKE = 4.0
"""Largest ratio of two norms at which their product is taken from the norm of the difference."""


class Scratch:
    """Memory for what is computed of one chunk; one a thread, so that the system is not asked for each chunk."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[Any]] = {}

    def array(self, name: str, dtype: Any, size: int) -> "NDArray[Any]":
        """An array with any content, which the next call with this name overwrites."""
        import numpy

        found = self._arrays.get(name)
        if found is None or found.size < size or found.dtype != dtype:
            found = self._arrays[name] = numpy.empty(size, dtype)
        return found[:size]


class Sums:
    """Running sums over chunks: squares as Python floats, counts as integers; index 0 is base, 1 is head.

    ``aa``, ``bb``, ``ab`` and ``dd`` are inner products of base, head and their difference over elements that are
    finite on both sides. ``max_ulp`` is None while nothing was compared code by code. ``same_bytes`` is whether all
    chunks were added as equal bit by bit. Each thread has its own sums,
    and `merge` adds them up. NumPy's warnings about overflow are the caller's to silence.
    """

    def __init__(self, scratch: Scratch | None = None) -> None:
        self.elements = self.differing = self.sign_flips = 0
        self.first: int | None = None
        self.aa = self.bb = self.ab = self.dd = self.max_abs = 0.0
        self.max_ulp: int | None = None
        self.same_bytes = True
        self.nan, self.inf = [0, 0], [0, 0]
        self._scratch = scratch or Scratch()

    def add(self, one: "NDArray[Any]", two: "NDArray[Any]", codes: Codes | None = None) -> None:
        """Add a chunk of both sides: flat arrays of one length, with the codes behind them for distances in ULP."""
        self.same_bytes = False
        if codes is not None and self.max_ulp is None:
            self.max_ulp = 0
        if one.dtype.kind == two.dtype.kind == "f":
            left, right = _floating(one), _floating(two)
            aa, bb = square(left), square(right)
            if math.isfinite(aa + bb):
                self._measure(left, right, aa, bb, codes, noted=False)
                self.elements += one.size
                return
        self._add_slowly(one, two, codes)

    def add_equal(self, one: "NDArray[Any]", has_codes: bool) -> None:
        """Add a chunk that both sides have bit by bit."""
        if has_codes and self.max_ulp is None:
            self.max_ulp = 0
        self.elements += one.size
        one = _floating(one)
        aa = square(_parts(one))
        if not math.isfinite(aa):
            one = one[self._count(0, one) & self._count(1, one)]
            aa = square(_parts(one))
        self.aa, self.bb, self.ab = self.aa + aa, self.bb + aa, self.ab + aa

    def merge(self, later: "Sums") -> None:
        """Add the sums of the elements that follow."""
        if self.first is None and later.first is not None:
            self.first = self.elements + later.first
        for name in ("elements", "differing", "sign_flips", "aa", "bb", "ab", "dd"):
            setattr(self, name, getattr(self, name) + getattr(later, name))
        self.max_abs = max(self.max_abs, later.max_abs)
        self.same_bytes = self.same_bytes and later.same_bytes
        if later.max_ulp is not None:
            self.max_ulp = max(self.max_ulp or 0, later.max_ulp)
        for side in (0, 1):
            self.nan[side] += later.nan[side]
            self.inf[side] += later.inf[side]

    def _add_slowly(self, one: "NDArray[Any]", two: "NDArray[Any]", codes: Codes | None) -> None:
        """Integers, complex numbers, and floats of which some are NaN, infinite or too large for their squares."""
        import numpy

        mask = one != two
        one, two = _floating(one), _floating(two)
        both = self._count(0, one) & self._count(1, two)
        if not both.all():
            mask &= ~(numpy.isnan(one) & numpy.isnan(two))
        self._note(mask)
        self.elements += one.size
        one, two = one[both], two[both]
        if one.dtype.kind == "c" or two.dtype.kind == "c":
            apart = numpy.abs(one.astype(numpy.complex128) - two)
            one, two = _parts(one.astype(numpy.complex128)), _parts(two.astype(numpy.complex128))
            self.max_abs = max(self.max_abs, float(apart.max(initial=0.0)))
            self._products(square(one), square(two), square(one - two), one, two)
        elif one.size:
            self._measure(
                one, two, square(one), square(two), codes.where(both) if codes else None, noted=True
            )

    def _count(self, side: int, array: "NDArray[Any]") -> "NDArray[Any]":
        """Count NaN and infinities; return where the elements are finite."""
        import numpy

        finite: NDArray[Any] = numpy.isfinite(array)
        if not finite.all():
            self.nan[side] += int(numpy.count_nonzero(numpy.isnan(array)))
            self.inf[side] += int(numpy.count_nonzero(numpy.isinf(array)))
        return finite

    def _note(self, mask: "NDArray[Any]") -> None:
        import numpy

        count = int(numpy.count_nonzero(mask))
        if count and self.first is None:
            self.first = self.elements + int(mask.argmax())
        self.differing += count

    def _measure(
        self,
        one: "NDArray[Any]",
        two: "NDArray[Any]",
        aa: float,
        bb: float,
        codes: Codes | None,
        noted: bool,
    ) -> None:
        """Add the distances of finite numbers, and where they differ unless that is ``noted`` already."""
        import numpy

        gap = self._difference(one, two)
        largest = float(numpy.maximum.reduce(gap)) if gap.size else 0.0
        if largest == math.inf:
            gap = numpy.abs(numpy.subtract(one, two, dtype=numpy.float64))
            largest = float(gap.max())
        if not largest:
            self._products(aa, bb, 0.0, one, two)
            return
        self._products(aa, bb, square(gap), one, two)
        self.max_abs = max(self.max_abs, largest)
        if not noted:
            self._note(numpy.not_equal(gap, 0, out=self._scratch.array("mask", bool, gap.size)))
        opposite = self._opposite(one, two, codes)
        flips = int(numpy.count_nonzero(opposite))
        self.sign_flips += flips
        if codes is not None:
            spare = self._scratch.array("up", bool, gap.size)
            self.max_ulp = farthest(codes, self.max_ulp or 0, Gaps(gap, largest, opposite, flips, spare))

    def _difference(self, one: "NDArray[Any]", two: "NDArray[Any]") -> "NDArray[Any]":
        """|one - two|, in memory that the next call overwrites."""
        import numpy

        gap = self._scratch.array("gap", numpy.promote_types(one.dtype, two.dtype), one.size)
        numpy.subtract(one, two, out=gap)
        numpy.abs(gap, out=gap)
        return gap

    def _opposite(self, one: "NDArray[Any]", two: "NDArray[Any]", codes: Codes | None) -> "NDArray[Any]":
        """Where the signs are opposite; zero has none."""
        import numpy

        down, up, other = (self._scratch.array(name, bool, one.size) for name in ("mask", "up", "other"))
        if codes is not None and codes.width == 16:
            # Half as many bytes: the codes above that of -0 are negative, positive ones are so as signed integers.
            one, two, above, below = codes.one, codes.two, codes.one.view("i2"), codes.two.view("i2")
            numpy.logical_and(
                numpy.greater(one, 0x8000, out=down), numpy.greater(below, 0, out=other), out=down
            )
            numpy.logical_and(numpy.greater(above, 0, out=up), numpy.greater(two, 0x8000, out=other), out=up)
        else:
            numpy.logical_and(numpy.less(one, 0, out=down), numpy.greater(two, 0, out=other), out=down)
            numpy.logical_and(numpy.greater(one, 0, out=up), numpy.less(two, 0, out=other), out=up)
        numpy.logical_or(down, up, out=down)
        return down

    def _products(self, aa: float, bb: float, dd: float, one: "NDArray[Any]", two: "NDArray[Any]") -> None:
        """Add the squares, and ab = (aa + bb - dd) / 2 while the norms are alike.

        A float32 dot product of nearly equal vectors was measured wrong by 2e-6 where this is wrong by 2e-9. For
        unlike norms the sum cancels and the dot product serves.
        """
        self.aa, self.bb, self.dd = self.aa + aa, self.bb + bb, self.dd + dd
        alike = max(aa, bb) < _ALIKE**2 * min(aa, bb)
        self.ab += (aa + bb - dd) / 2 if alike else _product(one, two)


def _floating(array: "NDArray[Any]") -> "NDArray[Any]":
    """float32 and complex stay; float16 becomes float32 (exactly); float64, integers and booleans become float64."""
    import numpy

    if array.dtype == numpy.float16:
        return array.astype(numpy.float32)
    if array.dtype.kind == "c" or array.dtype in (numpy.float32, numpy.float64):
        return array
    return array.astype(numpy.float64)


def _parts(array: "NDArray[Any]") -> "NDArray[Any]":
    """Real and imaginary parts of complex numbers one behind the other; other arrays as they are."""
    return array.view(f"f{array.dtype.itemsize // 2}") if array.dtype.kind == "c" else array


def square(array: "NDArray[Any]") -> float:
    """The sum of squares of a flat float array; infinite or NaN when an element or the sum is."""
    return _product(array, array)


def _product(one: "NDArray[Any]", two: "NDArray[Any]") -> float:
    """The dot product: as fast as float32 allows, in float64 where float32 would overflow or lose it.

    Row by row, so that BLAS starts no threads of its own, whose number would change the sum's last digit.
    """
    import numpy

    whole = one.size - one.size % _ROW
    left, right = one[:whole].reshape(-1, 1, _ROW), two[:whole].reshape(-1, _ROW, 1)
    found = float(numpy.add.reduce(numpy.matmul(left, right), axis=None, dtype=numpy.float64))
    if whole < one.size:
        found += float(numpy.dot(one[whole:], two[whole:]))
    if one.dtype == numpy.float64 or two.dtype == numpy.float64 or _SMALL < abs(found) < math.inf:
        return found
    return _product(one.astype(numpy.float64), two.astype(numpy.float64))
