"""Two tensors, and two sets of tensors, compared number by number in chunks of bounded size."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALL = 1e-25
"""Below this float32 sum, products that vanish (under 1e-38 each) may matter; it is then taken in float64."""
_ALIKE = 4.0
"""Largest ratio of two norms at which the cosine is taken from the norm of the difference."""


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """One tensor on both sides. Distances are over elements that are finite on both.

    ``max_abs`` is the largest |base - head|; ``relative_l2`` is |base - head| / max(|base|, |head|),
    Euclidean; ``cosine`` is 1.0 for two zero tensors and 0.0 for one. ``first`` is the flat index of the
    first element that differs (NaN equals NaN, -0.0 equals 0.0), None when there is none. ``unread`` says why
    nothing was compared.
    """

    name: str
    elements: int
    differing: int = 0
    first: int | None = None
    max_abs: float = 0.0
    relative_l2: float = 0.0
    cosine: float = 1.0
    sign_flips: int = 0
    base_nan: int = 0
    base_inf: int = 0
    head_nan: int = 0
    head_inf: int = 0
    unread: str | None = None

    @property
    def equal(self) -> bool:
        """Whether every element is the same number."""
        return self.unread is None and not self.differing


@dataclass(frozen=True, slots=True)
class WeightsDifference:
    """Two weight files. ``reshaped`` are names whose dtype or shape changed, as (name, base, head).

    ``tensors`` are those that have one shape on both sides, in the order of the base; empty when ``proof`` is
    a digest: then the files are equal and were not read.
    """

    proof: str
    only_base: tuple[str, ...] = ()
    only_head: tuple[str, ...] = ()
    reshaped: tuple[tuple[str, str, str], ...] = ()
    tensors: tuple[TensorDifference, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether both files hold the same tensors with the same numbers."""
        return not (self.only_base or self.only_head or self.reshaped) and all(t.equal for t in self.tensors)


def compare_weights(base: AdapterWeights, head: AdapterWeights) -> WeightsDifference:
    """Compare two files tensor by tensor; equal digests are believed without reading."""
    if base.identity is not None and base.identity == head.identity:
        return WeightsDifference(f"equal {base.identity.algorithm}")
    both = [name for name in base.tensors if name in head.tensors]
    return WeightsDifference(
        "numbers",
        tuple(name for name in base.tensors if name not in head.tensors),
        tuple(name for name in head.tensors if name not in base.tensors),
        tuple(_reshaped(both, base.tensors, head.tensors)),
        tuple(
            compare_tensors(base, head, name)
            for name in both
            if base.tensors[name].shape == head.tensors[name].shape
        ),
    )


def _reshaped(
    names: Iterable[str], base: Mapping[str, TensorInfo], head: Mapping[str, TensorInfo]
) -> Iterator[tuple[str, str, str]]:
    for name in names:
        one, two = base[name], head[name]
        if (one.dtype, one.shape) != (two.dtype, two.shape):
            yield name, f"{one.dtype} {list(one.shape)}", f"{two.dtype} {list(two.shape)}"


def compare_tensors(base: AdapterWeights, head: AdapterWeights, name: str) -> TensorDifference:
    """Compare one tensor of equal shape, as numbers whatever the dtypes; says what it cannot read."""
    try:
        return compare_chunks(name, zip(base.chunks(name), head.chunks(name), strict=True))
    except CannotRead as error:
        return TensorDifference(name, base.tensors[name].elements, unread=error.reason)


def compare_chunks(name: str, pairs: Iterable[tuple["NDArray[Any]", "NDArray[Any]"]]) -> TensorDifference:
    """Compare flat arrays, chunk by chunk of equal length.

    The cosine comes from ab = (aa + bb - dd) / 2 while the norms are alike: a float32 dot product of nearly
    equal vectors was measured wrong by 2e-6 where this is wrong by 2e-9. For unlike norms the sum cancels and
    the dot product serves.
    """
    total = sums_of(pairs)
    if not math.isfinite(total.aa + total.bb + total.dd):
        return TensorDifference(name, total.elements, unread="holds numbers too large for their squares")
    norm, other = math.sqrt(total.aa), math.sqrt(total.bb)
    largest = max(norm, other)
    cosine = float(norm == other == 0)
    if norm and other:
        alike = max(norm, other) < _ALIKE * min(norm, other)
        product = (total.aa + total.bb - total.dd) / 2 if alike else total.ab
        cosine = max(-1.0, min(1.0, product / norm / other))
    return TensorDifference(
        name,
        total.elements,
        total.differing,
        total.first,
        total.max_abs,
        math.sqrt(total.dd) / largest if largest else 0.0,
        cosine if total.dd else 1.0,
        total.sign_flips,
        base_nan=total.nan[0],
        base_inf=total.inf[0],
        head_nan=total.nan[1],
        head_inf=total.inf[1],
    )


def sums_of(pairs: Iterable[tuple["NDArray[Any]", "NDArray[Any]"]]) -> "Sums":
    """The running sums over all pairs of flat chunks of equal length."""
    total = Sums()
    for one, two in pairs:
        total.add(one, two)
    return total


class Sums:
    """Running sums over chunks: squares as Python floats, counts as integers; index 0 is base, 1 is head."""

    def __init__(self) -> None:
        self.elements = self.differing = self.sign_flips = 0
        self.first: int | None = None
        self.aa = self.bb = self.ab = self.dd = self.max_abs = 0.0
        self.nan, self.inf = [0, 0], [0, 0]

    def add(self, one: "NDArray[Any]", two: "NDArray[Any]") -> None:
        """Add a chunk of both sides."""
        import numpy

        mask = one != two
        one, two = _floating(one), _floating(two)
        aa, bb = _square(one), _square(two)
        if not math.isfinite(aa + bb):
            both = self._count(0, one) & self._count(1, two)
            mask &= ~(numpy.isnan(one) & numpy.isnan(two))
            one, two = numpy.where(both, one, 0), numpy.where(both, two, 0)
            aa, bb = _square(one), _square(two)
        self.aa += aa
        self.bb += bb
        if mask.any():
            self._differ(mask, one, two)
            self.ab += _product(one, two)
        else:
            self.ab += aa
        self.elements += one.size

    def _count(self, side: int, array: "NDArray[Any]") -> "NDArray[Any]":
        """Count NaN and infinities; return where the elements are finite."""
        import numpy

        self.nan[side] += int(numpy.count_nonzero(numpy.isnan(array)))
        self.inf[side] += int(numpy.count_nonzero(numpy.isinf(array)))
        finite: NDArray[Any] = numpy.isfinite(array)
        return finite

    def _differ(self, mask: "NDArray[Any]", one: "NDArray[Any]", two: "NDArray[Any]") -> None:
        import numpy

        if self.first is None:
            self.first = self.elements + int(mask.argmax())
        self.differing += int(numpy.count_nonzero(mask))
        with numpy.errstate(over="ignore"):
            gap = numpy.subtract(one, two)
        if not numpy.isfinite(gap).all():
            gap = numpy.subtract(one, two, dtype=numpy.float64)
        self.max_abs = max(self.max_abs, float(gap.max()), -float(gap.min()))
        self.dd += _square(gap)
        flips = ((one < 0) & (two > 0)) | ((one > 0) & (two < 0))
        self.sign_flips += int(numpy.count_nonzero(flips))


def _floating(array: "NDArray[Any]") -> "NDArray[Any]":
    """float32 stays; float16 becomes float32 (exactly); float64, integers and booleans become float64."""
    import numpy

    if array.dtype == numpy.float16:
        return array.astype(numpy.float32)
    return array if array.dtype == numpy.float32 else array.astype(numpy.float64)


def _square(array: "NDArray[Any]") -> float:
    return _product(array, array)


def _product(one: "NDArray[Any]", two: "NDArray[Any]") -> float:
    """The dot product: as fast as float32 allows, in float64 where float32 would overflow or lose it."""
    import numpy

    with numpy.errstate(over="ignore", invalid="ignore", under="ignore"):
        found = float(numpy.dot(one, two))
        if one.dtype == numpy.float32 and not _SMALL < abs(found) < math.inf:
            found = float(numpy.dot(one.astype(numpy.float64), two.astype(numpy.float64)))
    return found
