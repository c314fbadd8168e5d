"""One adapter on one side of a comparison, and two of them looked at module by module and tensor by tensor."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._factors import (
    BrokenError,
    Factors,
    NotComparableError,
    factors_of,
    own_scaling,
    scaling_of,
)
from auditor.compare._measured import Measured
from auditor.compare._names import Match, Module, Modules, bare, modules_of
from auditor.compare._relation import Unmeasured
from auditor.compare._update import measure
from auditor.compare.tensors import TensorDifference, compare_chunks
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Side:
    """One adapter: its LoRA modules by name, and the names of its tensors outside LoRA, copies of the base included."""

    weights: AdapterWeights
    config: AdapterConfig
    modules: Mapping[str, Module]
    outside: tuple[str, ...]

    @property
    def is_dora(self) -> bool:
        """Whether its directions are scaled by magnitude vectors."""
        return self.config.use_dora or any(item.pair.magnitude for item in self.modules.values())

    def setting(self, name: str) -> tuple[int | None, float]:
        """The rank and the scaling that adapter_config.json gives a module; NaN for a scaling it does not tell."""
        return self.config.rank_of(bare(name)), self.config.scaling_of(bare(name))

    def factors(self, name: str) -> Factors:
        """One module's factors, checked. Raises NotComparableError and CannotRead."""
        module = self.modules[name]
        found = factors_of(self.weights, module.pair, 1.0)
        scaling = own_scaling(self.weights, module, found.rank)
        if scaling is None:
            scaling = scaling_of(self.weights, self.config, bare(name), found.rank)
        return replace(found, scaling=scaling)


def side_of(weights: AdapterWeights, config: AdapterConfig, known: Modules | None = None) -> Side:
    """An adapter with its modules found, unless they are ``known``. Raises NotComparableError when it has none."""
    modules, rest = modules_of(weights) if known is None else known
    if not modules:
        raise NotComparableError(f"{weights.path} holds no LoRA tensors")
    return Side(weights, config, modules, (*rest, *weights.base_layers()))


Look = tuple[Measured, float | None] | Unmeasured


def look(one: Side, two: Side, match: Match) -> Look:
    """One module on both sides: its measure and the distance of DoRA's magnitudes, or why there is none."""
    try:
        first = one.factors(match.base) if match.base is not None else None
        second = two.factors(match.head) if match.head is not None else None
        if first is not None and second is not None and (other := of_another_kind(match, first, second)):
            return Unmeasured(other, "different")
        return measure(first, second), magnitude_distance(one, two, match)
    except (NotComparableError, CannotRead) as error:
        return _without_measure(one, two, match, str(error))


def of_another_kind(match: Match, one: Factors, two: Factors) -> str | None:
    """A clause about updates that belong to weights of other shapes."""
    if one.dimensions != two.dimensions:
        sizes = f"{list(one.dimensions)} on one side and {list(two.dimensions)} on the other"
        return f"the update of {match.name} is {sizes}"
    if (".lora_embedding_" in one.a.name) != (".lora_embedding_" in two.a.name):
        return f"{match.name} is an embedding on one side only, whose update is the transpose of B A"
    return None


def untargeted(one: Side, two: Side, matches: Iterable[Match]) -> str | None:
    """A clause about modules whose tensors PEFT leaves out on one side, because its config does not target them.

    Source: peft 0.21.2, tuners/tuners_utils.py, `inject_adapter`; utils/save_and_load.py loads with strict=False.
    """
    for left, right in ((one, two), (two, one)):
        names = [
            bare(match.name)
            for match in matches
            if match.base is not None and match.head is not None and bare(match.base) == bare(match.head)
            if left.config.targets(bare(match.name)) is True
            and right.config.targets(bare(match.name)) is False
        ]
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            return f"{right.config.path} does not target {names[0]}{more}, so PEFT loads no update there"
    return None


def again(one: Side, two: Side, match: Match, k: float) -> Measured:
    """A module that has a measure, measured with the head's update divided by k."""
    first = one.factors(match.base) if match.base is not None else None
    second = two.factors(match.head) if match.head is not None else None
    return measure(first, second and replace(second, scaling=second.scaling / k))


State = tuple[str | None, bool]
"""Why one side alone cannot be measured, and whether its file defines no update at all."""


def _without_measure(one: Side, two: Side, match: Match, reason: str) -> Unmeasured:
    states = _state(one, match.base), _state(two, match.head)
    return meaning(reason, states, _stored_alike(one, two, match))


def meaning(reason: str, states: tuple[State, State], alike: bool) -> Unmeasured:
    """What a module without a measure means: damage on one side alone is a difference, equal numbers are none."""
    whys = [why for why, _ in states if why is not None]
    why = whys[0] if whys else reason
    if alike:
        return Unmeasured(f"{why}, and the other side holds the same numbers", "same")
    broken = [is_broken for _, is_broken in states]
    return Unmeasured(why, "different" if len(whys) == 1 and any(broken) else None)


def _state(side: Side, name: str | None) -> State:
    if name is None:
        return None, False
    try:
        measure(side.factors(name), None)
    except (NotComparableError, CannotRead) as error:
        return state_of(side, error)
    return None, False


def state_of(side: Side, error: NotComparableError | CannotRead) -> State:
    """What an error says of one side."""
    if isinstance(error, CannotRead):
        return f"{side.weights.path} {error.reason}", False
    return str(error), isinstance(error, BrokenError)


def parts_of(module: Module) -> tuple[TensorInfo | None, ...]:
    """A, B, DoRA's magnitude and kohya's alpha."""
    return module.pair.a, module.pair.b, module.pair.magnitude, module.alpha


def may_be_alike(one: Side, two: Side, match: Match) -> bool:
    """Whether both sides have a module's tensors in the same shapes, under the same settings."""
    if match.base is None or match.head is None:
        return False
    first, second = one.setting(match.base), two.setting(match.head)
    if first[0] != second[0] or not (
        first[1] == second[1] or (math.isnan(first[1]) and math.isnan(second[1]))
    ):
        return False
    pairs = zip(parts_of(one.modules[match.base]), parts_of(two.modules[match.head]), strict=True)
    return not any((x is None) != (y is None) or (x and y and x.shape != y.shape) for x, y in pairs)


def _stored_alike(one: Side, two: Side, match: Match) -> bool:
    """Whether both sides store the same numbers for a module, NaN equal to NaN, under the same settings."""
    if match.base is None or match.head is None or not may_be_alike(one, two, match):
        return False
    if same_file(one, two) and match.base == match.head:
        return True
    pairs = zip(parts_of(one.modules[match.base]), parts_of(two.modules[match.head]), strict=True)
    try:
        return all(_equal(one, x.name, two, y.name) for x, y in pairs if x is not None and y is not None)
    except CannotRead:
        return False


def equal_alphas(one: Side, two: Side, match: Match) -> bool:
    """Whether a module of both sides holds the same alpha, or none."""
    first, second = one.modules[match.base or ""].alpha, two.modules[match.head or ""].alpha
    try:
        return first is None or second is None or _equal(one, first.name, two, second.name)
    except CannotRead:
        return False


def same_file(one: Side, two: Side) -> bool:
    """Whether digests tell that both are one file."""
    return one.weights.identity is not None and one.weights.identity == two.weights.identity


def _equal(one: Side, first: str, two: Side, second: str) -> bool:
    import numpy

    chunks = zip(one.weights.chunks(first), two.weights.chunks(second), strict=True)
    return all(numpy.array_equal(x, y, equal_nan=True) for x, y in chunks)


def magnitude_distance(one: Side, two: Side, match: Match) -> float | None:
    """|m1 - m2| / max(|m1|, |m2|); a vector of one side only is compared with nothing. None without vectors."""
    if match.base is None or match.head is None:
        return None
    first, second = one.modules[match.base].pair.magnitude, two.modules[match.head].pair.magnitude
    if first is None and second is None:
        return None
    if first is None or second is None:
        return 1.0
    if first.elements != second.elements:
        return math.inf
    import numpy

    x, y = (_vector(side, info) for side, info in ((one, first), (two, second)))
    if numpy.array_equal(x, y, equal_nan=True):
        return 0.0
    return relative(*(float(numpy.linalg.norm(vector)) for vector in (x, y, x - y)))


def relative(first: float, second: float, gap: float) -> float:
    """The distance of two vectors over the longer one; infinite when they have none."""
    largest = max(first, second)
    return gap / largest if math.isfinite(gap) and largest else math.inf


def _vector(side: Side, info: TensorInfo) -> "NDArray[Any]":
    import numpy

    return side.weights.array(info.name).reshape(-1).astype(numpy.float64)


def differing(one: Side, two: Side, matches: Iterable[Match]) -> Iterator[tuple[str, str | None]]:
    """Tensors outside LoRA that are not equal, by name; with a reason those that cannot be read.

    A copy of a base layer may be on one side only.
    """
    for match in matches:
        if match.base is None or match.head is None:
            if ".base_layer." not in match.name:
                yield match.name, None
        elif one.weights.tensors[match.base].shape != two.weights.tensors[match.head].shape:
            yield match.name, None
        else:
            yield from _compared(one, match.base, two, match.head)


def _compared(one: Side, first: str, two: Side, second: str) -> Iterator[tuple[str, str | None]]:
    try:
        found = compare_chunks(first, zip(one.weights.chunks(first), two.weights.chunks(second), strict=True))
    except CannotRead as error:
        yield first, f"a weight file {error.reason}"
        return
    yield from said(found)


def said(found: TensorDifference) -> Iterator[tuple[str, str | None]]:
    """As in `differing`, what was found out about one tensor."""
    if found.unread is not None:
        yield found.name, f"a weight file {found.unread}"
    elif not found.equal:
        yield found.name, None
