"""The weights and the configuration of one folder."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights, split_name
from auditor.artifacts.model_weights import ModelWeights
from auditor.engine.inspect._modules import modules_of
from auditor.engine.inspect._options import NOT_ASKED
from auditor.engine.inspect._weights import Read, weights_in
from auditor.model import name_of
from auditor.model.inspection import (
    AdapterInspection,
    AdapterSettings,
    Condition,
    ModuleInspection,
    TensorInspection,
)
from auditor.runs import Folder, Run

if TYPE_CHECKING:
    from auditor.compare.spectrum import UpdateDescription

_REMEMBERED = 400
"""Characters of a name with which a tensor's description is remembered."""
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


def adapter_of(run: Run, folder: Folder, read: Read | None) -> AdapterInspection | None:
    """What a folder holds of an adapter or of a model; None when there is neither weights nor configuration.

    ``read`` is what reading the weights gave, None when no value of a tensor was to be read.
    """
    config = folder.one(AdapterConfig)
    settings = None if config is None else _settings(config)
    blob = next((found for name in WEIGHTS if (found := run.blob(name, folder)) is not None), None)
    weights = weights_in(run, folder)
    if weights is not None:  # perhaps under another name: a file that was renamed, one of diffusers
        return _read(run, folder, config, settings, weights, read)
    if blob is not None:
        unread = run.contents.unread_at(blob.path)
        return AdapterInspection(
            folder.path,
            folder.step,
            path=blob.path,
            settings=settings,
            bytes=blob.size,
            identity=None if blob.identity is None else str(blob.identity),
            why=unread.reason if unread is not None else "was not read",
        )
    models = folder.all(ModelWeights)
    if models:
        return _model(folder, settings, models)
    if settings is None:
        return None
    return AdapterInspection(folder.path, folder.step, settings=settings, why="no weights lie beside it")


def _read(
    run: Run,
    folder: Folder,
    config: AdapterConfig | None,
    settings: AdapterSettings | None,
    weights: AdapterWeights,
    read: Read | None,
) -> AdapterInspection:
    found, why = _numbers(weights, config, read)
    odd = _odd(weights, found.values(), read) if found and read is not None else {}
    modules = modules_of(weights, config, run.base, found, odd, why)
    norms = [module.norm for module in modules if module.norm is not None]
    return AdapterInspection(
        folder=folder.path,
        step=folder.step,
        path=weights.path,
        settings=settings,
        format=weights.format,
        bytes=weights.size,
        identity=None if weights.identity is None else str(weights.identity),
        dtypes=tuple(sorted({info.dtype for info in weights.tensors.values()})),
        ranks=tuple(sorted({rank for _, rank in weights.ranks()})),
        parameters=sum(info.elements for info in weights.tensors.values()),
        modules=modules,
        tensors=tuple(_tensors((weights,))),
        outside=(*weights.others(), *weights.base_layers()),
        norm=math.sqrt(math.fsum(norm * norm for norm in norms)) if norms else None,
        effective_rank=_median(modules),
        largest_a=_largest(module.largest_a for module in modules),
        largest_b=_largest(module.largest_b for module in modules),
        why=why,
    )


def _odd(
    weights: AdapterWeights, found: "Iterable[UpdateDescription]", read: Read
) -> Mapping[str, tuple[Condition, ...]]:
    from auditor.engine.inspect._odd import odd_modules

    return odd_modules(weights, found, read.repeats.get(weights.path, ()))


def _numbers(
    weights: AdapterWeights, config: AdapterConfig | None, read: Read | None
) -> tuple[Mapping[str, "UpdateDescription"], str | None]:
    """Numbers by module, and why there are none, or why those of all modules are doubtful."""
    if not weights.tensors:
        return {}, "the file holds no tensors"
    if read is None:
        return {}, NOT_ASKED
    if not weights.pairs():
        method = config.peft_type if config is not None else None
        return {}, f"the file holds no LoRA tensors ({method or 'its method is not known'})"
    updates = read.described.pop(weights.path, None)
    found = {item.module: item for item in updates.result()} if updates is not None else {}
    reasons = {item.why for item in found.values()}
    return found, next(iter(reasons)) if len(reasons) == 1 else None


def _model(
    folder: Folder, settings: AdapterSettings | None, files: Sequence[ModelWeights]
) -> AdapterInspection:
    """Weights of a whole model, or of another program's adapter: listed, not measured."""
    return AdapterInspection(
        folder=folder.path,
        step=folder.step,
        kind="model",
        path=files[0].path if len(files) == 1 else None,
        settings=settings,
        format=files[0].format,
        bytes=sum(item.size for item in files),
        identity=str(files[0].identity) if len(files) == 1 and files[0].identity is not None else None,
        dtypes=tuple(sorted({info.dtype for item in files for info in item.tensors.values()})),
        parameters=sum(info.elements for item in files for info in item.tensors.values()),
        tensors=tuple(_tensors(files)),
        outside=tuple(name for item in files for name in item.tensors),
        why=f"{' and '.join(name_of(item.path) for item in files[:2])} "
        f"{'are' if len(files) > 1 else 'is'} no PEFT adapter: tensors are listed, not measured",
    )


def _tensors(files: Sequence[AdapterWeights]) -> Iterator[TensorInspection]:
    for item in files:
        for name, info in item.tensors.items():
            module, part = split_name(name)
            make = _tensor if len(name) <= _REMEMBERED else TensorInspection
            why = item.unread.get(name)
            yield make(name, info.dtype, info.shape, info.nbytes, module, part or "", why)


_tensor = lru_cache(maxsize=8192)(TensorInspection)
"""Checkpoints of one run hold the same tensors, of which one description need be in memory."""


def _median(modules: Sequence[ModuleInspection]) -> float | None:
    ranks = sorted(m.effective_rank for m in modules if m.effective_rank is not None and m.norm)
    if not ranks:
        return None
    middle = len(ranks) // 2
    return ranks[middle] if len(ranks) % 2 else (ranks[middle - 1] + ranks[middle]) / 2


def _largest(values: Iterable[float | None]) -> float | None:
    """The largest of those measured; NaN when one of them is."""
    known = [value for value in values if value is not None]
    if any(value != value for value in known):
        return math.nan
    return max(known, default=None)


def _settings(config: AdapterConfig) -> AdapterSettings:
    from auditor.checks.adapter._load_window import libraries

    targets = config.target_modules
    return AdapterSettings(
        path=config.path,
        peft_type=config.peft_type,
        r=config.r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=tuple(sorted(targets)) if isinstance(targets, frozenset) else targets,
        modules_to_save=config.modules_to_save,
        task_type=config.task_type,
        base_model_name_or_path=config.base_model_name_or_path,
        use_rslora=config.use_rslora,
        use_dora=config.use_dora,
        init_lora_weights=config.init_lora_weights,
        rank_pattern=config.rank_pattern,
        alpha_pattern=config.alpha_pattern,
        peft_version=config.peft_version,
        loads_with=libraries(config),
    )
