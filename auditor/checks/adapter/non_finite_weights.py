"""The adapter holds NaN or infinite values.

PEFT adds lora_B(lora_A(x)) x scaling to what a module returns (peft 0.21.2, tuners/lora/layer.py,
`forward`), so one such value spreads through every token that passes the module, and the model answers with
nothing or with noise. The usual cause is an overflow in float16 or a learning rate that is too high.

Wrong when: never for a finished adapter; the values are read exactly as they are stored.

Fix: publish an earlier checkpoint whose weights are finite, or train again in bfloat16 or float32.

Bad:
    adapter_model.safetensors: tensor *.layers.0.self_attn.q_proj.lora_B.weight = NaN

Good:
    adapter_model.safetensors: tensor *.layers.0.self_attn.q_proj.lora_B.weight = 1e30
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._wording import counted
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR


def check(weights: AdapterWeights) -> Iterator[Problem | Skip]:
    """Count the values by tensor; one finding a file, with the first tensor concerned."""
    try:
        bad = {name: number for name in weights.tensors if (number := non_finite(weights, name))}
    except CannotRead as error:
        yield Skip(f"{weights.path} {error.reason}")
        return
    if bad:
        first, count = next(iter(bad.items()))
        yield Problem(
            f"{counted(sum(bad.values()), 'NaN or infinite value')} in {len(bad)} of "
            f"{len(weights.tensors)} tensors, "
            f"first {first} ({count:,})",
            weights.at(first),
            expected="finite values",
            observed=counted(sum(bad.values()), "NaN or infinite value"),
        )


def non_finite(weights: AdapterWeights, name: str) -> int:
    """How many elements of a tensor are NaN or infinite; integers have none. Raises CannotRead."""
    return weights.extremes(name).bad
