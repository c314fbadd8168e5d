"""A LoRA matrix does not have the rank that adapter_config.json declares, or DoRA's vectors do not fit the
config.

PEFT builds every lora_A with `r` rows and every lora_B with `r` columns, `rank_pattern` overriding it
by module (peft 0.21.2, tuners/lora/layer.py, `update_layer`), and a magnitude vector exactly when
`use_dora` is set. Other shapes mean that weights and configuration come from different runs; PEFT stops
loading with a size mismatch.

Wrong when: the adapter was written by a method that stores several ranks in one matrix without saying
so.

Fix: commit weights and adapter_config.json from the same checkpoint.

Bad:
    # the matrices have 8 rows
    adapter_config.json: /r = 4

Good:
    adapter_config.json: /r = 4
    adapter_config.json: /rank_pattern = {".*_proj": 8}
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.checks._copies import with_copies
from auditor.checks._wording import counted
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.ERROR

_KEYS = ("r", "rank_pattern", "use_dora")
"""Keys of adapter_config.json that this rule holds against the tensors."""


def check(config: AdapterConfig, weights: AdapterWeights, run: Run | None) -> Iterator[Problem | Skip]:
    """One finding for ranks and one for DoRA, however many modules are concerned."""
    yield from with_copies(_problems(config, weights), run, config, _KEYS)


def _problems(config: AdapterConfig, weights: AdapterWeights) -> Iterator[Problem | Skip]:
    if config.peft_type != "LORA" or config.raw.get("use_bdlora"):
        return
    if config.r is not None and config.r < 1:
        yield Skip("`r` is no rank that PEFT takes (adapter-config-unusable)")
        return
    pairs = weights.pairs()
    wrong = [
        (pair, rank)
        for pair in pairs.values()
        if (rank := config.rank_of(pair.module)) and _is_wrong(pair, rank, config)
    ]
    if wrong:
        pair, rank = wrong[0]
        yield Problem(
            f"adapter_config.json gives another rank for {len(wrong)} of {counted(len(pairs), 'module')}, first "
            f"{pair.module} with {_shapes(pair)}",
            weights.at(pair.module),
            expected=f"rank {rank}",
            observed=_shapes(pair),
        )
    yield from _dora(config, weights)


def _is_wrong(pair: LoraPair, rank: int, config: AdapterConfig) -> bool:
    """Expert matrices that `target_parameters` names hold the ranks of all experts side by side."""
    found = {shape for shape in (_rows(pair), _columns(pair)) if shape is not None}
    if config.raw.get("target_parameters"):
        return any(size % rank for size in found)
    return any(size != rank for size in found)


def _rows(pair: LoraPair) -> int | None:
    return pair.a.shape[0] if pair.a is not None and len(pair.a.shape) > 1 else None


def _columns(pair: LoraPair) -> int | None:
    return pair.b.shape[1] if pair.b is not None and len(pair.b.shape) > 1 else None


def _shapes(pair: LoraPair) -> str:
    """``lora_A (4, 64), lora_B (64, 4)``."""
    parts = (("lora_A", pair.a), ("lora_B", pair.b))
    return ", ".join(f"{name} {tuple(info.shape)}" for name, info in parts if info is not None)


def _dora(config: AdapterConfig, weights: AdapterWeights) -> Iterator[Problem]:
    modules = [pair for pair in weights.pairs().values() if pair.a is not None and pair.b is not None]
    with_vector = [pair for pair in modules if pair.magnitude is not None]
    if config.use_dora and modules and not with_vector:
        yield Problem(
            "`use_dora` is true, and no module has a magnitude vector",
            weights.at(),
            expected="a lora_magnitude_vector for each module",
            observed="none",
        )
    elif config.use_dora and len(with_vector) < len(modules):
        without = next(pair for pair in modules if pair.magnitude is None)
        yield Problem(
            f"`use_dora` is true, and {len(modules) - len(with_vector)} of {counted(len(modules), 'module')} have "
            f"no magnitude vector, first {without.module}",
            weights.at(without.module),
            expected="a lora_magnitude_vector for each module",
            observed=f"{len(with_vector)}",
        )
    elif with_vector and not config.use_dora:
        yield Problem(
            f"`use_dora` is false, and the file holds {counted(len(with_vector), 'DoRA magnitude vector')}",
            weights.at(with_vector[0].module),
            expected="no lora_magnitude_vector",
            observed=f"{len(with_vector)}",
        )
