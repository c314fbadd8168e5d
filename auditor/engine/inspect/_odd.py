"""What is odd about modules beside each other: one that repeats another, one that outgrows all."""

from collections.abc import Iterable, Mapping

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.conditions import OUTGROWN, outgrown
from auditor.compare.reach import Moved
from auditor.compare.spectrum import UpdateDescription
from auditor.model.inspection import Condition


def odd_modules(
    weights: AdapterWeights, numbers: Iterable[UpdateDescription], repeats: Iterable[tuple[str, ...]]
) -> Mapping[str, tuple[Condition, ...]]:
    """The conditions ``duplicate`` and ``exploded`` by module; ``repeats`` are groups of equal ones."""
    found: dict[str, tuple[Condition, ...]] = {}
    for group in repeats:
        for position, module in enumerate(group):
            other = group[0] if position else group[1]
            found[module] = (Condition("duplicate", f"lora_B holds the numbers of {other}, bit for bit"),)
    for module, times in outgrown(_moved(weights, numbers)).items():
        says = f"the largest lora_B is {times:,.0f} times the median of all modules (more than {OUTGROWN:g})"
        found[module] = (*found.get(module, ()), Condition("exploded", says))
    return found


def _moved(weights: AdapterWeights, numbers: Iterable[UpdateDescription]) -> Iterable[Moved]:
    pairs = weights.pairs()
    return [
        Moved(item.module, "", item.largest_b, 0)
        for item in numbers
        if item.largest_b is not None and not pairs[item.module].is_embedding
    ]
