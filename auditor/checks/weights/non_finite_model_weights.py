"""The weights of a whole model hold NaN or infinite values.

One such value spreads through every token that passes the module (a product with NaN is NaN; torch 2.13.0,
nn/modules/linear.py, `forward`). A full fine-tune in float16 that overflowed leaves
them, and so does a merge of an adapter that holds them. Adapters are the matter of `non-finite-weights`.

Wrong when: a mask is kept as a tensor of infinities, as some speech and vision models do; a tensor without
`weight` or `bias` at the end of its name is a note.

Fix: publish an earlier checkpoint whose weights are finite, or train again in bfloat16 or float32.

Bad:
    model.safetensors: = copy of adapter_model.safetensors
    model.safetensors: tensor *.0.mlp.up_proj.lora_B.weight = NaN

Good:
    model.safetensors: = copy of adapter_model.safetensors
"""

from collections.abc import Iterator

from auditor.artifacts.model_weights import ModelWeights
from auditor.checks._wording import counted
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR

BYTE_LIMIT = 2 * 1024**3
"""Largest file scanned: some seconds of one core. A larger one is said to be skipped."""


def check(weights: ModelWeights) -> Iterator[Problem | Skip]:
    """Count the values by tensor; one finding a file, with the first tensor concerned."""
    if weights.size > BYTE_LIMIT:
        yield Skip(
            f"{weights.path} has more than {BYTE_LIMIT // 1024**3} GB, which are not scanned value by value"
        )
        return
    try:
        bad = {name: count for name in weights.tensors if (count := weights.extremes(name).bad)}
    except CannotRead as error:
        yield Skip(f"{weights.path} {error.reason}")
        return
    if bad:
        first = next((name for name in bad if name.endswith((".weight", ".bias"))), next(iter(bad)))
        total = counted(sum(bad.values()), "NaN or infinite value")
        yield Problem(
            f"{total} in {len(bad)} of {len(weights.tensors)} tensors, first {first} ({bad[first]:,})",
            weights.at(first),
            expected="finite values",
            observed=total,
            severity=None if first.endswith((".weight", ".bias")) else Severity.NOTE,
        )
