"""What the measured modules of two adapters make of the whole: identical, equivalent, scaled, subset, different."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.artifacts._safetensors import shown
from auditor.compare._measured import Measured
from auditor.model import AdapterComparison, ModuleUpdate, UncomparedModule

EQUIVALENT = 1e-6
"""Largest relative distance of one update in two bases: float32 factors round at 2**-24 = 6e-8 each."""
_NOISE = 4.0
"""Times the rounding of the factors that two bases of one update may lie apart: whoever changed the basis computed in
float32, which rounds as often as the result."""
_HIDDEN = 1e-4
"""Largest relative distance that rounding excuses, since whoever writes the factors decides how much they cancel."""

Rescaled = Callable[[float], Iterable[Measured]]


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A module without a number. ``verdict`` is what that means: same, different, or None for not known."""

    why: str
    verdict: str | None = None


@dataclass(frozen=True, slots=True)
class Magnitudes:
    """DoRA on the two sides: which side has it, and the relative distance of the magnitude vectors by module."""

    base: bool = False
    head: bool = False
    distances: Mapping[str, float] | None = None


def judged(
    base: str,
    head: str,
    measured: Mapping[str, Measured],
    others: Sequence[str] = (),
    unmeasured: Mapping[str, Unmeasured] | None = None,
    magnitudes: Magnitudes | None = None,
    renamed: int = 0,
    rescaled: Rescaled | None = None,
    updates: bool = True,
) -> AdapterComparison:
    """The relation of two adapters, by what was measured of each module (or tensor).

    ``others`` are reasons outside the updates for which the adapters differ: one clause each. ``rescaled`` measures
    again with the head divided by a number. ``updates`` is False for tensors that are no updates, where zero means
    nothing in particular.
    """
    missing, dora = unmeasured or {}, magnitudes or Magnitudes()
    relation, why = _with_magnitudes(relation_of(measured, rescaled), dora)
    clauses = [*others, *_unmeasured(missing), *why]
    verdicts = {item.verdict for item in missing.values()}
    if others or "different" in verdicts:
        relation = "different"
    elif None in verdicts and relation != "different":
        relation = "not comparable"
    whole = _sums(measured.values())
    clauses += _zeros(relation, whole) if measured and updates else ()
    clauses += (
        _turned(measured.values(), whole) if relation == "different" and updates and not dora.base else ()
    )
    return AdapterComparison(
        base,
        head,
        relation,
        _distance(whole) if measured else None,
        _cosine(whole) if measured else None,
        math.sqrt(whole.head / whole.base) if whole.base else None,
        tuple(_module(name, item, dora) for name, item in measured.items()),
        "; ".join(clauses) or None,
        tuple(UncomparedModule(name, item.why) for name, item in missing.items()),
        renamed,
    )


def relation_of(measured: Mapping[str, Measured], rescaled: Rescaled | None = None) -> str:
    """The relation that holds in every module: a small module counts as much as a large one."""
    items = measured.values()
    if all(item.same for item in items):
        return "identical"
    if all(alike(item) for item in items):
        return "equivalent"
    if _is_scaled(items, rescaled):
        return "scaled"
    return "subset" if _is_subset(items) else "different"


def alike(item: Measured) -> bool:
    """Whether two updates differ by no more than the factors of one update in another basis differ.

    Factors that cancel (|B A| far below |B| |A|, as a basis of any condition makes them) round to more than others.
    """
    largest = max(item.base, item.head)
    noise = _NOISE**2 * (item.base_noise + item.head_noise)
    return item.gap <= max(EQUIVALENT**2 * largest, min(noise, _HIDDEN**2 * largest))


def within_rounding(item: Measured) -> bool:
    """Whether two updates may be one in two bases, rounded: up to a tenth apart, for a longer excuse says nothing."""
    return item.gap <= min(item.base_noise + item.head_noise, 0.01 * max(item.base, item.head))


def _is_scaled(items: Iterable[Measured], rescaled: Rescaled | None) -> bool:
    """Whether the head is the base times one positive number k, in every module.

    |W2 - k W1|^2 = (1 - k)(|W2|^2 - k |W1|^2) + k |W1 - W2|^2, which cancels for a k far from 1: then it only tells
    whether measuring the head at 1/k of its length is worth the time. A bound on the cosine would be looser:
    1 - 1e-9 lets changes of 4e-5 pass for a scale.
    """
    whole = _sums(items)
    if not whole.base or not whole.head:
        return False
    k = math.sqrt(whole.head / whole.base)
    left = EQUIVALENT if rescaled is None else math.sqrt(EQUIVALENT)
    for item in items:
        rest = (1 - k) * (item.head - k * item.base) + k * item.gap
        if rest > left**2 * max(k * k * item.base, item.head):
            return False
    return rescaled is None or all(map(alike, rescaled(k)))


def _is_subset(items: Iterable[Measured]) -> bool:
    """Whether one side has no update in some modules of the other, and an equal one in the rest."""
    shared = [item for item in items if item.base and item.head]
    alone = [item for item in items if bool(item.base) != bool(item.head)]
    one_side = all(item.base for item in alone) or all(item.head for item in alone)
    return bool(shared and alone) and one_side and all(alike(item) for item in shared)


def _turned(items: Iterable[Measured], whole: Measured) -> list[str]:
    """A clause where the head is the base times one negative number, in every module: a negated adapter, or its alpha.

    |W2 + k W1|^2 = (1 + k)(|W2|^2 + k |W1|^2) - k |W1 - W2|^2, whose terms are of one size: it cancels to 1e-15.
    """
    if not whole.base or not whole.head:
        return []
    k = math.sqrt(whole.head / whole.base)
    for item in items:
        rest = (1 + k) * (item.head + k * item.base) - k * item.gap
        if rest > EQUIVALENT**2 * max(k * k * item.base, item.head):
            return []
    return [f"the head's update is the base's times {-k:.6g}, its opposite"]


def _with_magnitudes(relation: str, dora: Magnitudes) -> tuple[str, list[str]]:
    """DoRA scales each row of the base plus the update to the length that its magnitude vector holds.

    Source: peft 0.21.2, tuners/lora/dora.py. Equal updates and equal magnitudes therefore do the same; what anything
    else does cannot be told without the base's weights.
    """
    needs = "what the merged update is depends on the base model's weights"
    if not dora.base and not dora.head:
        return relation, []
    if dora.base != dora.head:
        side = "base" if dora.base else "head"
        same = relation in ("identical", "equivalent")
        words = "the direction updates are equal" if same else "the direction updates differ"
        return ("not comparable" if same else "different"), [f"only the {side} is DoRA; {words}, and {needs}"]
    distances = dora.distances or {}
    name = max(distances, key=lambda key: distances[key], default=None)
    far = distances[name] if name is not None else 0.0
    if far == 0 and relation in ("identical", "equivalent", "subset"):
        return relation, []
    if far <= EQUIVALENT and relation in ("identical", "equivalent"):
        return "equivalent", []
    direction = f"the direction updates are {relation}"
    length = (
        f"the magnitude vectors differ (most in {name}, {far:.3g})"
        if far
        else "the magnitude vectors are equal"
    )
    return "different", [f"{direction}, {length}, and {needs}"]


def _unmeasured(missing: Mapping[str, Unmeasured]) -> list[str]:
    first = next(iter(missing.values()), None)
    if first is None:
        return []
    rest = len(missing) - 1
    return [
        first.why,
        *([f"{rest} more module{'s are' if rest > 1 else ' is'} not compared"] if rest else []),
    ]


def _zeros(relation: str, whole: Measured) -> list[str]:
    if whole.base and whole.head:
        return []
    if whole.base or whole.head:
        return [f"the {'head' if whole.base else 'base'} changes nothing: its update is zero in every module"]
    return ["the factors differ but both updates are zero"] if relation == "equivalent" else []


def named(start: str, names: Sequence[str]) -> str | None:
    """A clause with the first three names and how many more there are; None for no names."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return start + ", ".join(map(shown, names[:3])) + more if names else None


def _module(name: str, item: Measured, dora: Magnitudes) -> ModuleUpdate:
    return ModuleUpdate(
        name,
        math.sqrt(item.base),
        math.sqrt(item.head),
        _distance(item),
        _cosine(item),
        (dora.distances or {}).get(name),
    )


def _sums(items: Iterable[Measured]) -> Measured:
    return Measured(
        math.fsum(item.base for item in items),
        math.fsum(item.head for item in items),
        math.fsum(item.gap for item in items),
    )


def _distance(item: Measured) -> float:
    largest = max(item.base, item.head)
    return math.sqrt(max(item.gap, 0.0) / largest) if largest else 0.0


def _cosine(item: Measured) -> float:
    if not item.base or not item.head:
        return 1.0 if item.base == item.head else 0.0
    cosine = (item.base + item.head - item.gap) / 2 / (math.sqrt(item.base) * math.sqrt(item.head))
    return max(-1.0, min(1.0, cosine))
