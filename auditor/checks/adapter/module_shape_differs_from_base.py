"""A LoRA matrix does not fit the module of the base model that it is meant for.

lora_A has the module's number of inputs as columns and lora_B its number of outputs as rows (peft
0.21.2, tuners/lora/layer.py). Other numbers mean that the adapter was trained on another base, often
another size of the same family; loading stops with a size mismatch.

Wrong when: the base given is not the one the adapter was trained on.

Fix: give the base model that was trained on, or publish the adapter that belongs to this base.

Bad:
    base: tiny
    # down_proj of the base has 128 inputs
    adapter_model.safetensors: tensor *.layers.0.mlp.down_proj.lora_A.weight of shape 8x256

Good:
    base: tiny
    adapter_model.safetensors: tensor *.layers.0.mlp.down_proj.lora_A.weight of shape 4x128
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.artifacts.architecture import LinearModule, Tower, module_key
from auditor.artifacts.base_config import BaseConfig
from auditor.checks._wording import counted
from auditor.checks.adapter._at_hand import modules_at_hand
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR


def check(weights: AdapterWeights, base: BaseConfig) -> Iterator[Problem | Skip]:
    """One finding a file, however many modules differ."""
    modules = modules_at_hand(base)
    if isinstance(modules, Skip):
        yield modules
        return
    pairs = [pair for pair in weights.pairs().values() if not pair.is_embedding]
    wrong = [(pair, module) for pair in pairs if (module := _misfit(pair, modules)) is not None]
    if wrong:
        pair, module = wrong[0]
        yield Problem(
            f"the LoRA matrices of {len(wrong)} of {counted(len(pairs), 'module')} do not fit the base model, first "
            f"{pair.module}",
            weights.at(pair.module),
            expected=f"{module.in_features} inputs, {module.out_features} outputs",
            observed=f"{_size(pair.a, 1)} inputs, {_size(pair.b, 0)} outputs",
        )


def _misfit(pair: LoraPair, modules: Mapping[tuple[Tower, str], LinearModule]) -> LinearModule | None:
    """The base's module when its inputs or outputs differ from the matrices."""
    module = modules.get(module_key(pair.module))
    if module is None:
        return None
    inputs, outputs = _size(pair.a, 1), _size(pair.b, 0)
    fits = inputs in (None, module.in_features) and outputs in (None, module.out_features)
    return None if fits else module


def _size(info: TensorInfo | None, dimension: int) -> int | None:
    return info.shape[dimension] if info is not None and len(info.shape) == 2 else None
