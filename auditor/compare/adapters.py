"""Two adapters compared by what they do to the base model: their effective updates dW = scaling * B A.

The factors themselves say little: (B M, M^-1 A) is the same update for every invertible M, and another
``lora_alpha`` is the same direction at another length.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Protocol, cast

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._as_they_are import AsTheyAre, settings_that_differ
from auditor.compare._factors import NotComparableError
from auditor.compare._fused import not_compared
from auditor.compare._measured import Measured
from auditor.compare._names import Match, matched, renamed
from auditor.compare._relation import Magnitudes, Unmeasured, judged, named, within_rounding
from auditor.compare._rounding import Rounding, of_module, of_tensor
from auditor.compare._scaled import Scaled, as_measured, scaled
from auditor.compare._sets import WeightSet
from auditor.compare._sides import Look, Side, differing, look, said, side_of, untargeted
from auditor.compare._slices import Running
from auditor.compare.tensors import Sums, difference
from auditor.model import AdapterComparison

_ACTING = frozenset(
    {"layer_replication", "alora_invocation_tokens", "use_qalora", "use_bdlora", "arrow_config"}
    | {"trainable_token_indices"}
)
"""Settings of LoRA besides its scaling that decide what equal tensors do (peft 0.21.2, tuners/lora/config.py)."""


@dataclass(frozen=True, slots=True)
class Part:
    """Tensors of both sides that are looked at together: a module, or tensors outside LoRA."""

    base: tuple[str, ...]
    head: tuple[str, ...]
    what: object
    """Whose they are, for the comparison that made the part."""
    is_module: bool = False


_part = lru_cache(maxsize=4096)(Part)
"""The neighbours in a run hold the same modules, and there may be a hundred."""


def needs_of(files: tuple[int, int], part: Part) -> Sequence[tuple[int, Sequence[str]]]:
    """The tensors that a part takes, by the numbers of the files."""
    return tuple((file, names) for file, names in zip(files, (part.base, part.head), strict=True) if names)


class Comparison(Protocol):
    """Two adapters compared part by part, in any order, each part once: `compare` for those who read in their own."""

    @property
    def parts(self) -> Sequence[Part]:
        """All there is to look at."""

    def look(self, parts: Sequence[Part]) -> None:
        """Compare some parts. Nothing is raised."""

    def running(self, files: tuple[int, int], part: Part) -> Sequence[Running] | None:
        """What compares a part of the files of these numbers while it passes by in slices; None where nothing can."""

    def result(self) -> AdapterComparison:
        """The relation, when all parts were looked at."""


def comparison(
    base: AdapterWeights,
    base_config: AdapterConfig,
    head: AdapterWeights,
    head_config: AdapterConfig,
    sided: Callable[[AdapterWeights, AdapterConfig], Side] = side_of,
) -> Comparison:
    """The comparison that `compare` makes; ``sided`` may remember what `side_of` made of a file."""
    if base_config.peft_type != head_config.peft_type or base_config.peft_type is None:
        kinds = (
            f"{base_config.path} is {base_config.peft_type} and {head_config.path} {head_config.peft_type}"
        )
        why = f"{kinds}: methods change a model in ways that have no common measure"
        return _Settled(AdapterComparison(base.path, head.path, "not comparable", why=why))
    if base_config.peft_type != "LORA":
        return _ByTensors(base, head, settings_that_differ(base_config.raw, head_config.raw))
    try:
        return _ByUpdates(sided(base, base_config), sided(head, head_config))
    except NotComparableError as error:
        return _Settled(AdapterComparison(base.path, head.path, "not comparable", why=str(error)))


def compare(
    base: AdapterWeights, base_config: AdapterConfig, head: AdapterWeights, head_config: AdapterConfig
) -> AdapterComparison:
    """Compare two adapters; whatever keeps them from being compared is said in ``why``, never raised.

    A module without a measure (NaN, other shapes, one factor, rank 0, overflow) stands in ``uncompared`` and the
    rest is compared. Damage on one side alone makes the adapters different, equal numbers on both sides count as
    equal, and anything else keeps a relation other than different from being told. ``scale`` is
    |dW head| / |dW base|. Cosines are 1.0 for two zero updates and 0.0 for one. ``why`` also names tensors outside
    LoRA (heads, biases, copies of base layers) that make the adapters different.
    """
    found = comparison(base, base_config, head, head_config)
    found.look(found.parts)
    return found.result()


class _Settled:
    """Nothing has to be read."""

    def __init__(self, found: AdapterComparison) -> None:
        self._found = found

    @property
    def parts(self) -> Sequence[Part]:
        return ()

    def look(self, parts: Sequence[Part]) -> None:
        """Nothing is asked for."""

    def running(self, files: tuple[int, int], part: Part) -> Sequence[Running]:
        return ()

    def result(self) -> AdapterComparison:
        return self._found


class _ByUpdates:
    """LoRA: modules by their updates, other tensors by their numbers."""

    def __init__(self, one: Side, two: Side) -> None:
        self._one, self._two = one, two
        self._matches = matched(one.modules, two.modules)
        self._outside = matched(one.outside, two.outside)
        self._rounding = Rounding(one, two, self._matches, self._outside)
        self._looked: dict[str, Look] = {}
        self._others: dict[Match, list[tuple[str, str | None]]] = {}
        self._scaled: dict[str, Scaled] = {}
        """Those that were measured once more."""

    @property
    def parts(self) -> Sequence[Part]:
        one, two = self._one, self._two
        return (
            *(
                _part(_of_module(one, match.base), _of_module(two, match.head), match, True)
                for match in self._matches
            ),
            *(_part(_one(match.base), _one(match.head), match) for match in self._outside),
        )

    def look(self, parts: Sequence[Part]) -> None:
        for part in parts:
            (self._look_at_module if part.is_module else self._look_outside)(cast("Match", part.what))

    def running(self, files: tuple[int, int], part: Part) -> Sequence[Running]:
        from auditor.compare._running import RunningRounding, RunningSums
        from auditor.compare._running_pair import RunningPair

        one, two, match = self._one, self._two, cast("Match", part.what)
        infos = of_module(one, two, match) if part.is_module else (of_tensor(one, two, match),)
        rounding = [
            RunningRounding(files, (x, y), self._rounding)
            for x, y in infos
            if x is not None and y is not None
        ]
        if part.is_module:
            return (RunningPair((one, two), match, files, partial(self._take, match)), *rounding)
        if match.base is None or match.head is None or not _of_one_shape(one, two, match):
            self._others[match] = list(differing(one, two, (match,)))
            return rounding
        names = zip(files, (match.base, match.head), strict=True)
        return (RunningSums(list(names), partial(self._take_outside, match)), *rounding)

    def _take(self, match: Match, found: Look, scale: Scaled | None) -> None:
        self._looked[match.name] = found
        if scale is not None and scale.k != 1:
            self._scaled[match.name] = scale

    def _take_outside(self, match: Match, sums: Sums) -> None:
        self._others[match] = list(said(difference(match.name, sums)))

    def _look_at_module(self, match: Match) -> None:
        found = self._looked[match.name] = look(self._one, self._two, match)
        if isinstance(found, tuple):
            self._take(match, found, scaled(self._one, self._two, match, found[0]))
        self._rounding.look(of_module(self._one, self._two, match))

    def _look_outside(self, match: Match) -> None:
        self._others[match] = list(differing(self._one, self._two, (match,)))
        self._rounding.look((of_tensor(self._one, self._two, match),))

    def result(self) -> AdapterComparison:
        one, two, matches = self._one, self._two, self._matches
        looked = {**{match.name: self._looked[match.name] for match in matches}, **not_compared(matches)}
        measured = {name: item[0] for name, item in looked.items() if isinstance(item, tuple)}
        unmeasured = {name: item for name, item in looked.items() if isinstance(item, Unmeasured)}
        others = [item for match in self._outside for item in self._others[match]]
        clauses = [named("tensors outside LoRA differ: ", [name for name, why in others if why is None])]
        lengths = {name: item[1] for name, item in looked.items() if isinstance(item, tuple)}
        found = judged(
            one.weights.path,
            two.weights.path,
            measured,
            [*filter(None, (*clauses, _settings(one, two), untargeted(one, two, matches)))],
            {**unmeasured, **{name: Unmeasured(why) for name, why in others if why is not None}},
            Magnitudes(
                one.is_dora,
                two.is_dora,
                {name: length for name, length in lengths.items() if length is not None},
            ),
            sum(
                renamed(one.modules[match.base].pair, two.modules[match.head].pair)
                for match in matches
                if match.base is not None and match.head is not None
            ),
            lambda k: (self._scaled.get(name, as_measured(item)).by(k) for name, item in measured.items()),
        )
        words = (
            (self._rounding.words or _no_further(found, measured)) if found.relation == "different" else None
        )
        return found if words is None else replace(found, why="; ".join(filter(None, (found.why, words))))


def _of_one_shape(one: Side, two: Side, match: Match) -> bool:
    left, right = of_tensor(one, two, match)
    return left is not None and right is not None and left.shape == right.shape


def _of_module(side: Side, name: str | None) -> tuple[str, ...]:
    return () if name is None else side.modules[name].names


def _one(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


def _no_further(found: AdapterComparison, measured: Mapping[str, Measured]) -> str | None:
    """A clause where rounding to 16 bits may be all that differs, which is not known."""
    if found.why is not None or not all(map(within_rounding, measured.values())):
        return None
    return "no further apart than rounding moves the factors of one update in two bases"


def _settings(one: Side, two: Side) -> str | None:
    """A clause about settings that make equal tensors do something else."""
    raw = one.config.raw, two.config.raw
    names = [key for key in settings_that_differ(*raw) if key in _ACTING]
    if one.is_dora and two.is_dora and one.config.use_dora != two.config.use_dora:
        names.append("use_dora")
    return f"adapter_config.json differs in {', '.join(names)}" if names else None


def as_stored(base: AdapterWeights, head: AdapterWeights) -> Comparison:
    """A comparison of all tensors as they are, for files whose configuration is not known."""
    return _ByTensors(base, head, ())


class _ByTensors:
    """Another method than LoRA: its tensors are compared as they are; a setting that acts makes them another model."""

    def __init__(self, base: AdapterWeights, head: AdapterWeights, settings: Sequence[str]) -> None:
        self._found = AsTheyAre(WeightSet((base,)), WeightSet((head,)))
        self._settings = settings
        self._base, self._head = base.tensors, head.tensors

    @property
    def parts(self) -> Sequence[Part]:
        return tuple(
            Part(_one(name if name in self._base else None), _one(name if name in self._head else None), name)
            for name in self._found.names
        )

    def look(self, parts: Sequence[Part]) -> None:
        self._found.look(str(part.what) for part in parts)

    def running(self, files: tuple[int, int], part: Part) -> Sequence[Running] | None:
        made = self._found.running(files, str(part.what))
        return None if made is None else (made,)

    def result(self) -> AdapterComparison:
        found = self._found.result()
        if self._settings and found.relation != "different":
            differs = f"adapter_config.json differs in {', '.join(self._settings)}"
            says = f"the tensors are {found.relation}, and {differs}"
            return replace(found, relation="different", why=says)
        return found
