"""Two adapters compared by what they do to the base model: their effective updates dW = scaling * B A.

The factors themselves say little: (B M, M^-1 A) is the same update for every invertible M, and another
``lora_alpha`` is the same direction at another length.
"""

from dataclasses import replace

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._as_they_are import compare_as_they_are, settings_that_differ
from auditor.compare._factors import NotComparableError
from auditor.compare._names import matched, renamed
from auditor.compare._relation import Magnitudes, Unmeasured, judged, named
from auditor.compare._rounding import rounded_words
from auditor.compare._sides import Side, again, differing, look, side_of, untargeted
from auditor.model import AdapterComparison

_ACTING = frozenset(
    {"layer_replication", "alora_invocation_tokens", "use_qalora", "use_bdlora", "arrow_config"}
    | {"trainable_token_indices"}
)
"""Settings of LoRA besides its scaling that decide what equal tensors do (peft 0.21.2, tuners/lora/config.py)."""


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
    if base_config.peft_type != head_config.peft_type or base_config.peft_type is None:
        kinds = (
            f"{base_config.path} is {base_config.peft_type} and {head_config.path} {head_config.peft_type}"
        )
        why = f"{kinds}: methods change a model in ways that have no common measure"
        return AdapterComparison(base.path, head.path, "not comparable", why=why)
    if base_config.peft_type != "LORA":
        return _by_tensors(base, base_config, head, head_config)
    try:
        return _by_updates(side_of(base, base_config), side_of(head, head_config))
    except NotComparableError as error:
        return AdapterComparison(base.path, head.path, "not comparable", why=str(error))


def _by_updates(one: Side, two: Side) -> AdapterComparison:
    matches, outside = matched(one.modules, two.modules), matched(one.outside, two.outside)
    looked = {match.name: look(one, two, match) for match in matches}
    measured = {name: item[0] for name, item in looked.items() if isinstance(item, tuple)}
    unmeasured = {name: item for name, item in looked.items() if isinstance(item, Unmeasured)}
    others = list(differing(one, two, outside))
    clauses = [named("tensors outside LoRA differ: ", [name for name, why in others if why is None])]
    found = judged(
        one.weights.path,
        two.weights.path,
        measured,
        [*filter(None, (*clauses, _settings(one, two), untargeted(one, two, matches)))],
        {**unmeasured, **{name: Unmeasured(why) for name, why in others if why is not None}},
        Magnitudes(
            one.is_dora,
            two.is_dora,
            {
                name: item[1]
                for name, item in looked.items()
                if isinstance(item, tuple) and item[1] is not None
            },
        ),
        sum(
            renamed(one.modules[match.base].pair, two.modules[match.head].pair)
            for match in matches
            if match.base is not None and match.head is not None
        ),
        lambda k: (again(one, two, match, k) for match in matches if match.name in measured),
    )
    words = rounded_words(one, two, matches, outside) if found.relation == "different" else None
    return found if words is None else replace(found, why="; ".join(filter(None, (found.why, words))))


def _settings(one: Side, two: Side) -> str | None:
    """A clause about settings that make equal tensors do something else."""
    raw = one.config.raw, two.config.raw
    names = [key for key in settings_that_differ(*raw) if key in _ACTING]
    if one.is_dora and two.is_dora and one.config.use_dora != two.config.use_dora:
        names.append("use_dora")
    return f"adapter_config.json differs in {', '.join(names)}" if names else None


def _by_tensors(
    base: AdapterWeights, base_config: AdapterConfig, head: AdapterWeights, head_config: AdapterConfig
) -> AdapterComparison:
    """Another method than LoRA: its tensors are compared as they are; a setting that acts makes them another model."""
    found = compare_as_they_are((base,), (head,))
    settings = settings_that_differ(base_config.raw, head_config.raw)
    if settings and found.relation != "different":
        says = f"the tensors are {found.relation}, and adapter_config.json differs in {', '.join(settings)}"
        return replace(found, relation="different", why=says)
    return found
