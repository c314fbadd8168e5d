"""The optimizer does not hold one state for each trained tensor of the adapter.

optimizer.pt lists every trainable parameter, and has a state for each that ever got a gradient (torch
2.13.0, optim/adam.py, `_init_group`); an adapter saves the same tensors (9 of 9 public pairs agree,
modules_to_save included). A parameter without a state was never updated; another number of parameters means
that optimizer and adapter are of two runs.

Wrong when: the optimizer keeps no state (plain SGD) or was sharded, both of which are recognised, or the adapter
saved tensors that were not trained.

Fix: publish optimizer and adapter of one checkpoint; for parameters without a state see why no gradient arrived.

Bad:
    # the adapter has 28 tensors
    checkpoint-18/optimizer.pt: optimizer with 30 parameters

Good:
    checkpoint-18/optimizer.pt: optimizer with 28 parameters
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING

_LORA = frozenset({"lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector"})
_FROZEN = {"mica": (".lora_B.", ".lora_embedding_B")}
"""By ``init_lora_weights``: what is saved untrained (peft 0.21.2, tuners/lora/variants.py, `MiCALinearVariant`)."""


def check(
    optimizer: OptimizerState, weights: AdapterWeights, config: AdapterConfig
) -> Iterator[Problem | Skip]:
    """Plain LoRA only: other methods save buffers and copies, and old PEFT a head that no key names (0.7.1)."""
    if (
        config.peft_type != "LORA"
        or config.modules_to_save
        or config.bias not in (None, "none")
        or config.raw.get("trainable_token_indices")
        or any(_is_more(name) for name in weights.tensors)
    ):
        yield Skip("the adapter holds more than LoRA matrices")
        return
    if not optimizer.entries:
        yield Skip("the optimizer keeps no state by parameter")
        return
    frozen = _FROZEN.get(str(config.init_lora_weights), ())
    trained = [
        name for name in weights.tensors if ".lora_" in name and not any(part in name for part in frozen)
    ]
    listed, updated = optimizer.parameter_count, len(optimizer.entries)
    if len(trained) != listed and listed:
        yield Problem(
            f"the optimizer trains {listed:,} parameters, and the adapter holds {len(trained):,} LoRA tensors",
            optimizer.at("param_groups"),
            expected=str(len(trained)),
            observed=str(listed),
        )
    elif updated < len(trained):
        yield Problem(
            f"{len(trained) - updated:,} of {len(trained):,} trained tensors have no optimizer state: they never got "
            "a gradient",
            optimizer.at("state"),
            expected=str(len(trained)),
            observed=str(updated),
        )


def _is_more(name: str) -> bool:
    """Whether a tensor is none of LoRA's and no copy of the base.

    VeLoRA and MonteCLoRA save more under names that begin alike, some of which no optimizer trains (peft 0.21.2,
    tuners/lora/variants.py).
    """
    marks = [word for word in name.split(".") if word.startswith("lora_")]
    return not _LORA.issuperset(marks) if marks else ".base_layer." not in name
