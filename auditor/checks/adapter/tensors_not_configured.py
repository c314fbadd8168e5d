"""The file holds tensors that nothing in adapter_config.json speaks of.

PEFT saves the method's own tensors, the modules of `modules_to_save`, biases when `bias` asks for them, and
embeddings that were resized (peft 0.21.2, utils/save_and_load.py). Another tensor comes from another run or from
other saving code. Loading puts it over the base model's own weight of that name where there is one, without a
word, and drops it otherwise.

Wrong when: a trainer with its own saving code loads the file in the same way.

Fix: name the module in `modules_to_save` (or set `bias`) and save again, or drop the tensors.

Bad:
    adapter_model.safetensors: tensor base_model.model.model.merger.weight of shape 4x4

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator

from auditor.artifacts._module_patterns import within
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import PREFIX, AdapterWeights
from auditor.checks._copies import with_copies
from auditor.checks._wording import counted, shown
from auditor.checks.adapter._outside import EMBEDDINGS, HEAD_TASKS, HEADS, module_of, outside, own_parts
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_KEYS = ("peft_type", "modules_to_save", "bias", "lora_bias")
"""Keys of adapter_config.json that this rule holds against the tensors."""


def check(config: AdapterConfig, weights: AdapterWeights, run: Run | None) -> Iterator[Problem | Skip]:
    """Names only; where none is of the method, the file is another's and not this rule's matter."""
    yield from with_copies(_problems(config, weights), run, config, _KEYS)


def _problems(config: AdapterConfig, weights: AdapterWeights) -> Iterator[Problem | Skip]:
    if not config.is_peft:
        return
    own = own_parts(config, weights)
    if own is None:
        yield Skip(f"the tensor names of {config.peft_type} are not known")
        return
    if not own:
        return
    wrapped = frozenset(part.module for part in own)
    strange = [name for name in outside(config, weights) if not _is_expected(config, name, wrapped)]
    strange += _biases_of_lora(config, weights)
    if strange:
        yield Problem(
            f"{counted(len(strange), 'tensor')} of {len(weights.tensors)} are none that adapter_config.json asks for, "
            f"first {strange[0]}",
            weights.at(strange[0]),
            expected=f"tensors of {config.peft_type}; `modules_to_save` is {shown(config.raw.get('modules_to_save'))}, "
            f"`bias` {shown(config.bias)}",
            observed=", ".join(strange[:3]),
        )


def _is_expected(config: AdapterConfig, name: str, wrapped: frozenset[str]) -> bool:
    """Whether PEFT would have saved a tensor of that name, going by the configuration alone."""
    module = module_of(name).removeprefix(PREFIX)
    if within(config.modules_to_save, module) or within(EMBEDDINGS, module):
        return True
    if config.task_type in (*HEAD_TASKS, None) and within(HEADS, module):
        return True
    if name.endswith(".bias") and config.bias is not None:
        return config.bias == "all" or (config.bias.endswith("_only") and module in wrapped)
    return False


def _biases_of_lora(config: AdapterConfig, weights: AdapterWeights) -> list[str]:
    """Biases of lora_B, which `lora_bias` asks for."""
    if config.peft_type != "LORA" or config.raw.get("lora_bias") is True or config.raw.get("use_bdlora"):
        return []
    return [name for name in weights.tensors if name.endswith(".lora_B.bias")]
