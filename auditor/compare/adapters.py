"""Two adapters compared by what they do to the base model: their effective updates dW = scaling * B A.

The factors themselves say little: (B M, M^-1 A) is the same update for every invertible M, and another
``lora_alpha`` is the same direction at another length.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from auditor.artifacts._safetensors import shown
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.compare._as_they_are import measured_tensors, settings_that_differ
from auditor.compare._factors import Factors, NotComparableError, factors_of, scaling_of
from auditor.compare._update import Measured, measure
from auditor.compare.tensors import compare_tensors
from auditor.errors import CannotRead
from auditor.model import AdapterComparison, ModuleUpdate

EQUIVALENT = 1e-6
"""Largest relative distance of one update in two bases: float32 factors round at 2**-24 = 6e-8 each."""


def compare(
    base: AdapterWeights, base_config: AdapterConfig, head: AdapterWeights, head_config: AdapterConfig
) -> AdapterComparison:
    """Compare two adapters; whatever keeps them from being compared is said in ``why``, never raised.

    ``scale`` is |dW head| / |dW base|. Cosines are 1.0 for two zero updates and 0.0 for one. ``why`` also
    names tensors outside LoRA (heads, biases, copies of base layers) that make the adapters different.
    """
    if base_config.peft_type != head_config.peft_type or base_config.peft_type is None:
        kinds = (
            f"{base_config.path} is {base_config.peft_type} and {head_config.path} {head_config.peft_type}"
        )
        return _not_comparable(
            base, head, f"{kinds}: methods change a model in ways that have no common measure"
        )
    if base_config.peft_type != "LORA":
        return _by_tensors(base, base_config, head, head_config)
    try:
        one, two = _factors(base, base_config), _factors(head, head_config)
        measured = {name: _measure(name, one.get(name), two.get(name)) for name in {**one, **two}}
        others = tuple(_differing_others(base, head))
    except NotComparableError as error:
        return _not_comparable(base, head, str(error))
    except CannotRead as error:
        return _not_comparable(base, head, f"a weight file {error.reason}")
    dora = [side for side in (base, head) if any(pair.magnitude for pair in side.pairs().values())]
    same = all(item.same for item in measured.values())
    if (dora or base_config.use_dora or head_config.use_dora) and not (same and not others):
        return _not_comparable(base, head, "the update of DoRA depends on the base model's weights")
    return judged(base.path, head.path, measured, others, same)


def _by_tensors(
    base: AdapterWeights, base_config: AdapterConfig, head: AdapterWeights, head_config: AdapterConfig
) -> AdapterComparison:
    """Another method than LoRA: its tensors are compared as they are; a setting that acts makes them another model."""
    try:
        measured = measured_tensors((base,), (head,))
    except NotComparableError as error:
        return _not_comparable(base, head, str(error))
    found = judged(base.path, head.path, measured, (), all(item.same for item in measured.values()))
    settings = settings_that_differ(base_config.raw, head_config.raw)
    if settings and found.relation != "different":
        says = f"the tensors are {found.relation}, and adapter_config.json differs in {', '.join(settings)}"
        return replace(found, relation="different", why=says)
    return found


def judged(
    base: str, head: str, measured: Mapping[str, Measured], others: tuple[str, ...], same: bool
) -> AdapterComparison:
    """The relation of two adapters, by what was measured of each module (or tensor)."""
    whole = Measured(
        math.fsum(item.base for item in measured.values()),
        math.fsum(item.head for item in measured.values()),
        math.fsum(item.gap for item in measured.values()),
        same,
    )
    distance, cosine = _distance(whole), _cosine(whole)
    relation, why = _relation(whole, distance, cosine), None
    if others:
        names = ", ".join(map(shown, others[:3])) + (
            f" and {len(others) - 3} more" if len(others) > 3 else ""
        )
        relation, why = "different", f"tensors outside LoRA differ: {names}"
    elif relation == "equivalent" and not whole.base:
        why = "the factors differ but both updates are zero"
    return AdapterComparison(
        base,
        head,
        relation,
        distance,
        cosine,
        math.sqrt(whole.head / whole.base) if whole.base else None,
        tuple(_module(name, item) for name, item in measured.items()),
        why,
    )


def _relation(whole: Measured, distance: float, cosine: float) -> str:
    if whole.same:
        return "identical"
    if distance <= EQUIVALENT:
        return "equivalent"
    return "scaled" if cosine > 0 and _turned(whole) <= EQUIVALENT else "different"


def _turned(item: Measured) -> float:
    """The part of the distance that no change of length explains: |W1 - W2|^2 less (|W1| - |W2|)^2, relative.

    A bound on the cosine would be looser: 1 - 1e-9 lets changes of 4e-5 pass for a scale.
    """
    length = math.sqrt(item.base) - math.sqrt(item.head)
    return math.sqrt(max(0.0, item.gap - length * length) / max(item.base, item.head))


def _module(name: str, item: Measured) -> ModuleUpdate:
    return ModuleUpdate(name, math.sqrt(item.base), math.sqrt(item.head), _distance(item), _cosine(item))


def _distance(item: Measured) -> float:
    largest = max(item.base, item.head)
    return math.sqrt(max(item.gap, 0.0) / largest) if largest else 0.0


def _cosine(item: Measured) -> float:
    if not item.base or not item.head:
        return 1.0 if item.base == item.head else 0.0
    cosine = (item.base + item.head - item.gap) / 2 / (math.sqrt(item.base) * math.sqrt(item.head))
    return max(-1.0, min(1.0, cosine))


def _measure(name: str, one: Factors | None, two: Factors | None) -> Measured:
    if one is not None and two is not None and one.shape != two.shape:
        raise NotComparableError(
            f"the update of {name} is {list(one.shape)} on one side and {list(two.shape)} on the other"
        )
    return measure(one, two)


def _factors(weights: AdapterWeights, config: AdapterConfig) -> dict[str, Factors]:
    """The LoRA factors by module, with every shape and setting checked. Raises NotComparableError."""
    found = {name: _pair(weights, config, pair) for name, pair in weights.pairs().items()}
    if not found:
        raise NotComparableError(f"{weights.path} holds no LoRA tensors")
    return found


def _pair(weights: AdapterWeights, config: AdapterConfig, pair: LoraPair) -> Factors:
    found = factors_of(weights, pair, 1.0)
    return replace(found, scaling=scaling_of(weights, config, pair.module, found.rank))


def _differing_others(base: AdapterWeights, head: AdapterWeights) -> Iterator[str]:
    """Names of tensors outside LoRA that are not equal; a copy of a base layer may be on one side only."""
    one, two = _outside(base), _outside(head)
    for name in {**one, **two}:
        if name not in one or name not in two:
            if ".base_layer." not in name:
                yield name
        elif base.tensors[name].shape != head.tensors[name].shape:
            yield name
        elif (found := compare_tensors(base, head, name)).unread is not None:
            raise NotComparableError(f"a weight file {found.unread}")
        elif not found.equal:
            yield name


def _outside(weights: AdapterWeights) -> Mapping[str, None]:
    magnitudes: Iterable[str] = (
        p.magnitude.name for p in weights.pairs().values() if p.magnitude is not None
    )
    return dict.fromkeys((*weights.others(), *weights.base_layers(), *magnitudes))


def _not_comparable(base: AdapterWeights, head: AdapterWeights, why: str) -> AdapterComparison:
    return AdapterComparison(base.path, head.path, "not comparable", why=why)
