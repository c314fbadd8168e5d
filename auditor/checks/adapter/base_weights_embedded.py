"""The adapter file holds copies of base model weights.

PEFT saves the frozen matrix of a targeted lm_head or embedding with the adapter (peft 0.13.2,
utils/save_and_load.py, `save_embedding_layers="auto"`). The file grows by the size of that matrix, and
publishing it redistributes weights of the base under whatever licence the base has.

Wrong when: the base's embedding was resized and trained, so that the copy is needed.

Fix: leave lm_head and the embeddings out of `target_modules`, or save with
`save_embedding_layers=False`.

Bad:
    adapter_model.safetensors: tensor base_model.model.lm_head.base_layer.weight of shape 448x64

Good:
    # a bias, which PEFT saves under such a name when it was trained
    adapter_model.safetensors: tensor base_model.model.lm_head.base_layer.bias of shape 448
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._wording import counted
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(weights: AdapterWeights) -> Iterator[Problem]:
    """Names that contain `.base_layer.` are the base's own, but biases: PEFT saves only those it trained."""
    names = tuple(name for name in weights.base_layers() if not name.endswith(".bias"))
    if names:
        copied = sum(weights.tensors[name].nbytes for name in names)
        total = sum(info.nbytes for info in weights.tensors.values())
        yield Problem(
            f"{copied:,} of {total:,} bytes of the adapter are copies of base model weights "
            f"({', '.join(names[:3])})",
            weights.at(names[0]),
            expected="LoRA tensors only",
            observed=counted(len(names), "base tensor"),
        )
