"""The adapter holds LoRA matrices for modules that the base model does not have.

PEFT looks modules up by name. A name that leads nowhere is dropped when the adapter is loaded, at best
with a warning about unexpected keys (peft 0.21.2, utils/save_and_load.py), and that part of the
training is lost.

Wrong when: the base given is not the one the adapter was trained on. Renamed prefixes of transformers
4.52 are allowed for.

Fix: give the base model that was trained on; a name with `base_model.model` in its middle comes from an
adapter that was wrapped twice and has to be saved again from the inner model.

Bad:
    base: tiny
    # the base has two layers
    adapter_model.safetensors: tensor *.layers.1.* renamed ".layers.1." -> ".layers.7."

Good:
    base: tiny
    # the names of transformers 4.51 and older
    adapter_model.safetensors: tensor * renamed "model.language_model" -> "language_model.model"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.architecture import module_key
from auditor.artifacts.base_config import BaseConfig
from auditor.checks._wording import counted
from auditor.checks.adapter._at_hand import modules_at_hand
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR


def check(config: AdapterConfig, weights: AdapterWeights, base: BaseConfig) -> Iterator[Problem | Skip]:
    """Only modules inside numbered layers are looked up: embeddings and projectors are no linear modules."""
    modules = modules_at_hand(base)
    if isinstance(modules, Skip):
        yield modules
        return
    if config.raw.get("layer_replication"):
        yield Skip("`layer_replication` gives the model other layers than its configuration says")
        return
    names = [name for name in weights.pairs() if module_key(name)[1].startswith("layers.")]
    lost = [name for name in names if module_key(name) not in modules]
    if lost:
        yield Problem(
            f"the base model lacks {len(lost)} of {counted(len(names), 'module')}, first {lost[0]}",
            weights.at(lost[0]),
            expected="modules of the base model",
            observed=lost[0],
        )
