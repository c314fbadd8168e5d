"""Stored values against replayed ones: equal, equal but for a factor, or correlated."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.initial._draws import Draws
from auditor.compare.initial._origin import may_be_drawn
from auditor.compare.initial._stream import LANES, Stream, normal, numbers_of, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE = 1 << 16
"""Elements of a module compared, at most: all of a matrix of rank 16 over 4,096 inputs."""
_BITS = {"F32": 20.0, "F16": 8.0, "BF16": 5.0}
"""Bits that equality of one element shows, below what the precision keeps of a 24-bit number."""
_SAME_NORMAL = 4e-6
"""Largest relative distance of normals that count as equal; torch's approximations stay below 5e-7."""
_SAME_SCALED = 2e-4
"""Largest relative distance after a factor is taken out: ten thousand roundings of float32, one of a step each."""
_FACTORS = 0.2, 1 + 1e-6
_ZEROS = 1 << 28
"""Elements of zeroed tensors that are looked at in one file (1 GB of float32)."""
SEEN = 7.0
"""Standard deviations from which a correlation places a module: by chance once in 4e10 tries."""
_MOVED = 1.5
_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Match:
    """One module held against one place of a stream.

    ``equal``: every element compared is the replayed number as the file's type rounds it. ``factor`` is set when all
    are one multiple of theirs (weight decay with a gradient of zero). ``z`` is the scalar product in standard
    deviations of its distribution under another seed; ``chance`` the natural logarithm of a bound on the probability
    of as good a match by chance (Hoeffding: both distributions are sub-Gaussian with their own variance). ``moved`` is
    the largest distance of a stored number from its replayed one, ``largest`` the largest replayed number; both are
    NaN where the module is not recognised.
    """

    equal: bool
    factor: float | None
    correlation: float
    z: float
    chance: float
    moved: float = math.nan
    largest: float = math.nan

    @property
    def exact(self) -> bool:
        """Whether the module still holds the replayed numbers, or one multiple of them."""
        return self.equal or self.factor is not None

    @property
    def seen(self) -> bool:
        """Whether the module is recognised."""
        return self.chance < -SEEN * SEEN / 2


@dataclass(frozen=True, slots=True)
class Stored:
    """The first values (flat, finite) of a module's kept tensor, in its own type, and whether it was never trained.

    ``precision`` is BF16 or F16 when that holds all of them, whatever the file's type: PEFT rounds an adapter to its
    base's type and back to float32 (peft 0.21.2, tuners_utils.py ``cast_adapter_dtype``). Else it is F32.
    """

    draws: Draws
    kept_values: "NDArray[Any]"
    untrained: bool
    precision: str

    @property
    def values(self) -> "NDArray[Any]":
        """The values as float64, made anew: there may be thousands of modules."""
        import numpy

        return self.kept_values.astype(numpy.float64)

    def beginning(self, count: int) -> "NDArray[Any]":
        """The first ``count`` of them, without the others."""
        import numpy

        return self.kept_values[:count].astype(numpy.float64)

    @property
    def size(self) -> int:
        """How many values there are."""
        return int(self.kept_values.size)

    @property
    def norm(self) -> float:
        """The Euclidean norm of the values."""
        values = self.values
        return math.sqrt(float(values @ values))

    @property
    def numbers(self) -> "NDArray[Any] | None":
        """The 24-bit numbers of the stream behind float32 values that are still as they were drawn, else None."""
        whole = self.draws.kind == "uniform" and self.precision == "F32"
        return numbers_of(self.values, self.draws.scale) if whole else None

    @property
    def from_elsewhere(self) -> bool:
        """Whether these are untrained float32 numbers that torch's CPU generator cannot have drawn."""
        whole = self.draws.kind == "uniform" and self.untrained and self.precision == "F32"
        return whole and ((numbers := self.numbers) is None or not may_be_drawn(numbers))

    @property
    def looks_initial(self) -> bool:
        """Whether the values are spread as fresh draws are: those of a uniform end at its bound."""
        import numpy

        spread = self.norm / math.sqrt(self.size) / self.draws.deviation
        edge = float(numpy.abs(self.values).max())
        inside = self.draws.kind == "normal" or edge < _MOVED * self.draws.scale
        return inside and abs(spread - 1) < _SPREAD + 2 / math.sqrt(self.size)


class Values:
    """The stored values of modules, each read once. Raises CannotRead for a file that cannot be read.

    ``held`` are the numbers of each tensor that are at hand, of which no more are asked for.
    """

    def __init__(
        self, weights: AdapterWeights, sample: int = SAMPLE, held: Mapping[str, int] | None = None
    ) -> None:
        self.weights, self.sample, self._held, self._left = weights, sample, held, _ZEROS
        self._found: dict[str, Stored | None] = {}

    def of(self, draws: Draws) -> Stored | None:
        """A module's values; None when they are not finite numbers, or all zero."""
        if draws.module not in self._found:
            self._found[draws.module] = self._read(draws)
        return self._found[draws.module]

    def _read(self, draws: Draws) -> Stored | None:
        import numpy

        if draws.kept.dtype not in ("F64", *_BITS):
            return None
        most = self.sample if self._held is None else min(self.sample, self._held.get(draws.kept.name, 0))
        count = min(most, draws.kept.elements - draws.last)
        count -= count % LANES if draws.kind == "normal" else 0
        chunk = next(self.weights.chunks(draws.kept.name, count), None) if count else None
        values = numpy.zeros(0) if chunk is None else numpy.array(chunk)
        if not numpy.isfinite(values).all() or not values.any():
            return None
        return Stored(draws, values, self._is_zero(draws.zeroed), precision_of(values))

    def _is_zero(self, info: TensorInfo | None) -> bool:
        """Whether a tensor is zero throughout; False when so much was read that this one is not."""
        if info is None or info.elements > self._left:
            return False
        found = self.weights.is_zero(info.name)
        self._left -= info.elements if found else 0
        return found


def precision_of(values: "NDArray[Any]") -> str:
    """The smallest type, of BF16, F16 and F32, that holds all of these values, which are float64 or less."""
    import numpy

    with numpy.errstate(over="ignore"):
        whole = values.astype(numpy.float32)
        if numpy.array_equal(bfloat16(whole), values):
            return "BF16"
        return "F16" if numpy.array_equal(whole.astype(numpy.float16), values) else "F32"


def replayed(stream: Stream, draws: Draws, start: int, count: int) -> "NDArray[Any]":
    """The first ``count`` kept values (float32) when the module's draws begin at word ``start``."""
    words = stream.words(start + draws.before, count)
    return uniform(words, draws.scale) if draws.kind == "uniform" else normal(words, draws.scale)


def match(stored: Stored, made: "NDArray[Any]") -> Match:
    """Hold stored values against replayed ones of the same count."""
    import numpy

    draws, values = stored.draws, stored.values
    exact = made.astype(numpy.float64)
    product = float(values @ exact)
    square = float(exact @ exact)
    if not square or not math.isfinite(product):
        return Match(False, None, 0.0, 0.0, 0.0)
    norm = math.sqrt(float(values @ values))
    z = product / norm / draws.deviation
    chance = -z * z / 2 if z > 0 else 0.0
    equal = any(_same(stored, values, rounded) for rounded in _rounded(made, stored.precision))
    factor = None if equal else _factor(values, exact, product / square)
    if equal:
        chance = min(chance, -values.size * _BITS[stored.precision] * math.log(2))
    found = Match(equal, factor, product / norm / math.sqrt(square), z, chance)
    if not found.seen:
        return found
    largest, moved = float(numpy.abs(exact).max()), float(numpy.abs(values - exact).max())
    return replace(found, moved=moved, largest=largest)


def _same(stored: Stored, values: "NDArray[Any]", made: "NDArray[Any]") -> bool:
    import numpy

    draws = stored.draws
    if draws.kind == "uniform":
        return bool(numpy.array_equal(values, made))
    # One step of a 16-bit type apart is equal too: the approximation may fall on the other side of a rounding.
    step = {"BF16": 2.0**-7, "F16": 2.0**-10}.get(stored.precision, 0.0)
    limit = _SAME_NORMAL * draws.scale + step * numpy.abs(made)
    return bool((numpy.abs(values - made) <= limit).all())


def _rounded(made: "NDArray[Any]", precision: str) -> Iterator["NDArray[Any]"]:
    """The float32 values as this precision holds them; bfloat16 may have been float16 before."""
    import numpy

    half = made.astype(numpy.float16)
    if precision == "BF16":
        yield bfloat16(made)
        yield bfloat16(half.astype(numpy.float32))
    else:
        yield (half if precision == "F16" else made).astype(numpy.float64)


def bfloat16(values: "NDArray[Any]") -> "NDArray[Any]":
    """float32 rounded to the nearest bfloat16, ties to even, as float64."""
    import numpy

    bits = values.view(numpy.uint32)
    # Finite values stay below the largest exponent, so the sum never overflows.
    bits = (bits + numpy.uint32(0x7FFF) + (bits >> numpy.uint32(16) & numpy.uint32(1))) & numpy.uint32(
        0xFFFF0000
    )
    return bits.view(numpy.float32).astype(numpy.float64)


def _factor(values: "NDArray[Any]", made: "NDArray[Any]", factor: float) -> float | None:
    """The factor by which all values are smaller than replayed ones, when it is one factor."""
    import numpy

    if not _FACTORS[0] < factor < _FACTORS[1]:
        return None
    rest = values - factor * made
    near = float(numpy.sqrt(rest @ rest)) <= _SAME_SCALED * float(numpy.sqrt(values @ values))
    return factor if near else None
