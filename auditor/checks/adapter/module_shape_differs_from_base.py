"""A LoRA matrix does not fit the module of the base model that it is meant for.

lora_A has the module's number of inputs as columns and lora_B its number of outputs as rows (peft
0.21.2, tuners/lora/layer.py). Other numbers mean that the adapter was trained on another base, often
another size of the same family; loading stops with a size mismatch.

The outputs of an output head or classifier and the rows of an embedding are not compared: vocabularies and labels
are resized before training, and no file of the base knows it.

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

from collections.abc import Iterator, Mapping, Sequence

from auditor.architectures._names import module_key
from auditor.architectures._parts import Module, Tower
from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
from auditor.artifacts.base_config import BaseConfig
from auditor.checks._wording import counted
from auditor.checks.adapter._at_hand import bases_at_hand
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR


def check(
    weights: AdapterWeights, base: BaseConfig, config: AdapterConfig | None
) -> Iterator[Problem | Skip]:
    """One finding a file, however many modules differ; a module fits when it does in any release's model."""
    found = bases_at_hand(base, config)
    if isinstance(found, Skip):
        yield found
        return
    tables = [structure.by_key() for structure in found]
    pairs = list(weights.pairs().values())
    wrong = [(pair, module) for pair in pairs if (module := _misfit(pair, tables)) is not None]
    if wrong:
        pair, module = wrong[0]
        yield Problem(
            f"the LoRA matrices of {len(wrong)} of {counted(len(pairs), 'module')} do not fit the base model, first "
            f"{pair.module}",
            weights.at(pair.module),
            expected=f"{module.in_features} inputs, {module.out_features} outputs",
            observed=f"{_size(pair.a, 1)} inputs, {_size(pair.b, 0)} outputs",
        )


def _misfit(pair: LoraPair, tables: Sequence[Mapping[tuple[Tower, str], Module]]) -> Module | None:
    """The base's module when its inputs or outputs differ from the matrices in every release that has it."""
    key = module_key(pair.module)
    found = [module for table in tables if (module := table.get(key)) is not None]
    if not found or any(_fits(pair, module) for module in found):
        return None
    return found[0]


def _fits(pair: LoraPair, module: Module) -> bool:
    if pair.is_embedding != (module.kind == "embedding"):
        return True
    inputs, outputs = _size(pair.a, 1), _size(pair.b, 0)
    fits_in = inputs in (None, module.in_features) or module.kind == "embedding"
    fits_out = outputs in (None, module.out_features) or module.tower in ("head", "task")
    return fits_in and fits_out


def _size(info: TensorInfo | None, dimension: int) -> int | None:
    return info.shape[dimension] if info is not None and len(info.shape) == 2 else None
