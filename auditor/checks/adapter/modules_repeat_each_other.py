"""Two modules of the adapter hold the same lora_B, bit for bit.

lora_B starts at zero and moves by the gradients of its own module (peft 0.21.2, tuners/lora/layer.py), which no two
modules share, so after one step no two are alike. Equal ones were copied: to hide that modules are missing, or by a
script that wrote one tensor under several names. Tied embeddings and heads are left out.

Wrong when: the adapter was widened on purpose for a model whose layers are stacked twice, which belongs in the card.

Fix: publish the adapter as the trainer saved it, or say in the card which layers are copies.

Bad:
    adapter_model.safetensors: tensor *.lora_B.weight = 0.5

Good:
    # zeros are equal because nothing moved them
    adapter_model.safetensors: tensor *.layers.0.*.lora_B.weight = 0
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._wording import counted
from auditor.compare.conditions import repeated
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING


def check(weights: AdapterWeights) -> Iterator[Problem | Skip]:
    """One finding for all groups, naming the first of the largest."""
    if not weights.pairs():
        yield Skip(f"{weights.path} holds no LoRA tensors")
        return
    try:
        groups = sorted(repeated(weights), key=lambda group: -len(group))
    except CannotRead as error:
        yield Skip(f"{weights.path} {error.reason}")
        return
    if not groups:
        return
    one, two = groups[0][:2]
    pair = weights.pairs()[two]
    yield Problem(
        f"lora_B of {counted(sum(map(len, groups)), 'module')} repeats that of another, such as {two} that of {one}",
        weights.at(pair.b.name if pair.b else None),
        expected="numbers of its own in every module",
        observed="; ".join(f"{len(group)} alike" for group in groups[:5]),
    )
