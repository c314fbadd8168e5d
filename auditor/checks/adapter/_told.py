"""Which differences between two copies of adapter_config.json are told by a rule that looks at one of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._copies import Odd, key_of
from auditor.checks.adapter import (
    adapter_config_unusable,
    adapter_config_value_of_wrong_type,
    adapter_tensors_differ_from_config,
    base_model_not_named,
    configured_tensors_missing,
    lora_rank_mismatch,
    tensors_not_configured,
)
from auditor.claims import Ledger
from auditor.model import Problem, Skip, Status

_BY_WEIGHTS: Sequence[Callable[[AdapterConfig, AdapterWeights, None], Iterator[Problem | Skip]]] = (
    adapter_tensors_differ_from_config.check,
    configured_tensors_missing.check,
    lora_rank_mismatch.check,
    tensors_not_configured.check,
)


def told_elsewhere(odd: Odd, weights: AdapterWeights | None, ledger: Ledger | None) -> frozenset[str]:
    """The differing keys whose value is unusable, of the wrong type, or at odds with the weights beside the file.

    The weights speak against a key when the file fits them better with the other copy's value.
    """
    alone = (
        adapter_config_unusable.check(odd.one, None, None),
        adapter_config_value_of_wrong_type.check(odd.one, None),
        base_model_not_named.check(odd.one, None, None, None),
    )
    broken = {key_of(item) for items in alone for item in items if isinstance(item, Problem)}
    told = broken & {*odd.keys}
    if weights is not None and weights.tensors:
        modules = weights.pairs() if ledger and _modules_are_told(odd, ledger) else ()
        now = _misfits(odd.one, weights, modules)
        told |= {key for key in odd.keys if now and _misfits(_corrected(odd, key), weights, modules) < now}
    return frozenset(told)


def _corrected(odd: Odd, key: str) -> AdapterConfig:
    """The odd copy with one value of the other."""
    raw = {name: value for name, value in odd.one.raw.items() if name != key}
    return AdapterConfig.of(odd.one.path, {**raw, key: odd.right.raw[key]} if key in odd.right.raw else raw)


def _modules_are_told(odd: Odd, ledger: Ledger) -> bool:
    """Whether the ledger's evidence found modules of LoRA that this very copy does not name."""
    item = ledger.evidence("target_modules", "rank-from-tensors")
    return item is not None and item.outcome is Status.CONTRADICTED and odd.one.path in item.paths


def _misfits(config: AdapterConfig, weights: AdapterWeights, modules: Iterable[str]) -> int:
    """How many rules find that the weights are not those of a configuration, with one for modules it does not name."""
    found = sum(
        any(isinstance(item, Problem) for item in check(config, weights, None)) for check in _BY_WEIGHTS
    )
    return found + any(config.targets(module) is False for module in modules)
