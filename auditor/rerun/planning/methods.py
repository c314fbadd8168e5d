"""How a run was trained: an adapter on a frozen base, or every parameter of the model."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_weights import ModelWeights
from auditor.artifacts.tokenizer_json import TokenizerJson
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.errors import CannotRead
from auditor.model import Setting, name_of
from auditor.rerun.child.job import LORA_KEYS
from auditor.rerun.planning import base_dtype
from auditor.runs import Folder, Run
from auditor.sources import directory

_NAMES = re.compile(r"(model|pytorch_model)(-\d{5}-of-\d{5})?\.(safetensors|bin)")
"""What save_pretrained calls a model's weights (transformers 5.23.0, utils/__init__.py)."""

_OF_ADAPTERS = ("bnb_4bit_quant_type", "bnb_4bit_use_double_quant", "revision", "base_model_name_or_path")
_DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}


def model_files(folder: Folder) -> tuple[ModelWeights, ...]:
    """The files of a whole model in a folder: one, or its shards; those in safetensors where both are there."""
    found = [item for item in folder.all(ModelWeights) if _NAMES.fullmatch(name_of(item.path))]
    safe = [item for item in found if item.format == "safetensors"]
    return tuple(safe or found)


def is_full(run: Run) -> bool:
    """Whether a run left a whole model and no adapter, and something that only a training leaves."""
    if run.one(AdapterConfig) is not None or any(True for _ in run.blobs("adapter_config.json")):
        return False
    trained = run.one(TrainerState) is not None or run.one(TrainingArgs) is not None
    return trained and any(model_files(folder) for folder in run.folders)


def settled(run: Run, chosen: Mapping[str, Setting]) -> dict[str, Setting]:
    """The settings of a run by its method: a full fine-tune has none of an adapter's, and the type of its weights."""
    if not is_full(run):
        return {**chosen, **base_dtype.of_base(run, chosen["quantization"].value is not None)}
    files = next(found for folder in run.folders if (found := model_files(folder)))
    kept = {key: setting for key, setting in chosen.items() if key not in (*LORA_KEYS, *_OF_ADAPTERS)}
    kept["peft_type"] = Setting(None, f"{files[0].path} is a whole model")
    types = {info.dtype for item in files for info in item.tensors.values()} & set(_DTYPES)
    if len(types) == 1:
        kept["dtype"] = Setting(_DTYPES[types.pop()], f"{files[0].path} is stored so")
    else:
        kept["dtype"] = Setting("auto", "the type of the base's files", assumed=True)
    return kept


def shape_of_another(run: Run, base: Path) -> str | None:
    """The first committed tensor whose shape is another in the base given, in a sentence; None for none.

    Read from headers alone. A tensor that only one side has says nothing here: tied weights are stored once.
    """
    files = next((found for folder in run.folders if (found := model_files(folder))), ())
    shapes = {name: info.shape for item in base_files(base) for name, info in item.tensors.items()}
    for item in files:
        for name, info in item.tensors.items():
            if shapes.get(name, info.shape) != info.shape:
                return f"{name} has shape {list(info.shape)} in {item.path}, {list(shapes[name])} in the base given"
    return None


def base_files(base: Path) -> tuple[ModelWeights, ...]:
    """The weight files of a base model's folder that can be read."""
    blobs = directory.snapshot(base).files
    found: list[ModelWeights] = []
    for path in sorted(blobs):
        if _NAMES.fullmatch(path):
            with suppress(CannotRead):
                found.append(ModelWeights.parse(blobs[path]))
    return tuple(found)


def truncation(run: Run) -> Setting | None:
    """The length to which the saved tokenizer cuts: its last call leaves it there (tokenizer_truncates.py)."""
    saved = run.one(TokenizerJson)
    try:
        cut = saved.opening().truncation if saved is not None else None
    except CannotRead:
        return None
    length = (cut or {}).get("max_length")
    if saved is None or not isinstance(length, int) or isinstance(length, bool) or length < 1:
        return None
    return Setting(length, f"{saved.path}#/truncation/max_length", assumed=True)
