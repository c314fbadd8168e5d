"""What one adapter does to each module: length, singular values and effective rank of its update, never formed.

With the QR decompositions B = Qb Rb and A^T = Qa Ra the singular values of B A are those of the small matrix
Rb Ra^T, because Qb and Qa have orthonormal columns. Nothing is squared on the way, so a zero B, factors of
deficient rank and numbers as small or large as float32 allows lose nothing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.compare._factors import NotComparableError, factors_of, own_scaling, scaling_of
from auditor.compare._names import Module, bare, modules_of
from auditor.compare._seen import RunningFactors, Seen, seen_of
from auditor.compare._triangle import Triangle, product
from auditor.errors import CannotRead
from auditor.model.floats import Floats


@dataclass(frozen=True, slots=True)
class UpdateDescription:
    """One module's update ``scaling * B A`` in one adapter, in units of the base model's weights.

    ``shape`` is (out, in) of B A: a convolution's kernel counts into ``in``, an embedding has (width, vocabulary);
    None when the factors make no product. ``norm`` is Frobenius. ``spectrum`` holds the min(rank, out, in)
    singular values, descending, computed in float64, exact to about 1e-15 of the largest. While ``scaling`` is
    None, ``norm`` and ``spectrum`` are those of B A itself. ``largest_a`` and ``largest_b`` are the largest |a|
    and |b| among finite elements; ``nan`` and ``infinite`` count the others in both factors. DoRA's magnitude is
    left out: these are numbers of its direction update. ``why`` says what is missing or doubtful, None for nothing.
    """

    module: str
    shape: tuple[int, int] | None
    rank: int | None
    scaling: float | None = None
    norm: float | None = None
    spectrum: Sequence[float] = ()
    effective_rank: float | None = None
    largest_a: float | None = None
    largest_b: float | None = None
    nan: int = 0
    infinite: int = 0
    why: str | None = None

    @property
    def stable_rank(self) -> float | None:
        """Squared Frobenius norm over the squared largest singular value: 0 for no update, at most the rank.

        Source: Rudelson and Vershynin, Sampling from large matrices, Journal of the ACM 54(4), 2007.
        """
        return None if self.norm is None else stable_rank(self.spectrum)


def effective_rank(spectrum: Iterable[float]) -> float:
    """exp of the entropy of the singular values divided by their sum: 0 for no update, k for k equal ones.

    Source: Roy and Vetterli, The effective rank: a measure of effective dimensionality, EUSIPCO 2007, section 2.
    """
    values = [value for value in spectrum if value > 0]
    largest = max(values, default=0.0)
    total = math.fsum(value / largest for value in values)
    shares = [value / largest / total for value in values]
    return math.exp(-math.fsum(p * math.log(p) for p in shares if p > 0)) if shares else 0.0


def stable_rank(spectrum: Iterable[float]) -> float:
    """Sum of squares over the largest square; 0 for a spectrum of zeros."""
    values = tuple(spectrum)
    largest = max(values, default=0.0)
    return math.fsum((value / largest) ** 2 for value in values) if largest else 0.0


class Updates:
    """The modules of one adapter that have LoRA factors, described in any order; each factor is read once.

    ``config`` tells the scaling; without it, or when it contradicts the tensors, the numbers are those of B A.
    ``modules`` are those of the file, where somebody has them already. Nothing is raised: a module that cannot be
    described says so in ``why``.
    """

    def __init__(
        self,
        weights: AdapterWeights,
        config: AdapterConfig | None,
        modules: Mapping[str, Module] | None = None,
    ) -> None:
        self._weights, self._config = weights, config
        self._modules = modules_of(weights)[0] if modules is None else modules
        self._found: dict[str, UpdateDescription] = {}

    @property
    def parts(self) -> Mapping[str, tuple[str, ...]]:
        """The tensors that each module's description takes, by module."""
        return {name: item.names for name, item in self._modules.items()}

    def look(self, modules: Iterable[str]) -> None:
        """Describe some modules."""
        for name in modules:
            self._keep(name)

    def running(self, module: str, file: int) -> RunningFactors:
        """What describes a module of the file of this number while it passes by in slices."""
        return RunningFactors(
            self._weights, self._modules[module].pair, file, lambda seen: self._keep(module, seen)
        )

    def _keep(self, module: str, seen: Seen | None = None) -> None:
        self._found[module] = _described(self._weights, self._config, self._modules[module], seen)

    def result(self) -> tuple[UpdateDescription, ...]:
        """What was described, in the order of the file."""
        return tuple(self._found[name] for name in self._modules if name in self._found)


def _described(
    weights: AdapterWeights, config: AdapterConfig | None, module: Module, seen: Seen | None
) -> UpdateDescription:
    """``seen`` is what somebody saw of the factors already."""
    pair = module.pair
    try:
        factors = factors_of(weights, pair, 1.0)
    except NotComparableError as error:
        return _apart(weights, pair, str(error), seen)
    scaling, why = _scaling(weights, config, module, factors.rank)
    try:
        left, right, core = seen or seen_of(factors)
    except CannotRead as error:
        why = f"{weights.path} {error.reason}"
        return UpdateDescription(pair.module, factors.shape, factors.rank, scaling, why=why)
    spectrum = _spectrum(core, 1.0 if scaling is None else abs(scaling))
    if left.nan + right.nan + left.infinite + right.infinite:
        spectrum, why = None, f"the factors of {pair.module} in {weights.path} hold NaN or infinite values"
    elif spectrum is None:
        why = f"the factors of {pair.module} in {weights.path} hold numbers too large for their product"
    return UpdateDescription(
        pair.module,
        _same(factors.shape),
        factors.rank,
        scaling,
        None if spectrum is None else math.hypot(*spectrum),
        Floats(spectrum or ()),
        None if spectrum is None else effective_rank(spectrum),
        right.largest,
        left.largest,
        left.nan + right.nan,
        left.infinite + right.infinite,
        why,
    )


@lru_cache(maxsize=1024)
def _same(shape: tuple[int, int]) -> tuple[int, int]:
    """One tuple for equal ones: there may be a hundred files with hundreds of modules."""
    return shape


def _scaling(
    weights: AdapterWeights, config: AdapterConfig | None, module: Module, rank: int
) -> tuple[float | None, str | None]:
    try:
        own = own_scaling(weights, module, rank)
        if own is not None:
            return own, None
        if config is None:
            return None, "there is no readable adapter_config.json, so the scaling is not known"
        if config.peft_type != "LORA":
            return None, f"{config.path} is {config.peft_type}, whose update is more than a scaled B A"
        return scaling_of(weights, config, bare(module.pair.module), rank), None
    except NotComparableError as error:
        return None, str(error)
    except CannotRead as error:
        return None, f"{weights.path} {error.reason}"


def _apart(weights: AdapterWeights, pair: LoraPair, why: str, seen: Seen | None) -> UpdateDescription:
    """Factors that make no product: their elements are looked at one by one."""
    b, a, _ = seen or Seen.nothing()
    try:
        for read, info in ((a, pair.a), (b, pair.b)):
            for chunk in weights.chunks(info.name) if info is not None and seen is None else ():
                read.look(chunk)
    except CannotRead as error:
        why = f"{why}; {weights.path} {error.reason}"
    return UpdateDescription(
        pair.module,
        None,
        pair.rank,
        largest_a=a.largest,
        largest_b=b.largest,
        nan=a.nan + b.nan,
        infinite=a.infinite + b.infinite,
        why=why,
    )


def _spectrum(core: tuple[Triangle, Triangle], scaling: float) -> tuple[float, ...] | None:
    """Singular values of scaling * left @ right^T, which it spends; None when they are no finite numbers of float64."""
    import numpy

    left, right = core
    count = min(left.rows, right.rows, left.columns)
    if not count:
        return ()
    # Both are brought near 1 by powers of two, which changes no digit, so that their product cannot vanish.
    powers = [side.normalised() for side in core]
    if powers[0] is None or powers[1] is None:
        return None
    try:
        with numpy.errstate(over="ignore"):
            values = scaling * numpy.linalg.svd(product(left, right), compute_uv=False)[:count]
            values = numpy.ldexp(values, powers[0] + powers[1])
    except numpy.linalg.LinAlgError:
        return None
    return tuple(values.tolist()) if numpy.isfinite(values).all() else None
