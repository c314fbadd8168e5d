"""Small adapters of any method, made by hand: a configuration, and tensors by name and shape."""

import json
from collections.abc import Mapping
from typing import Any

import numpy

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.safetensors import make_arrays

LAYERS = "base_model.model.model.layers"
Shapes = Mapping[str, tuple[int, ...]]


def made(
    peft_type: str | None,
    settings: Mapping[str, object],
    shapes: Shapes,
    more: Mapping[str, bytes] | None = None,
    weights: str = "adapter_model.safetensors",
) -> Snapshot:
    """A repository of one adapter; every tensor is ones in float32, names are below ``base_model.model.``."""
    config = {"peft_type": peft_type, "base_model_name_or_path": "example/base", "task_type": "CAUSAL_LM"}
    files = {
        "adapter_config.json": json.dumps({**config, **settings}).encode(),
        weights: make_arrays({name: ones(*shape) for name, shape in shapes.items()}),
        **(more or {}),
    }
    return memory_snapshot("made", {path: data for path, data in files.items() if data is not None})


def ones(*shape: int) -> Any:
    """An array of ones."""
    return numpy.ones(shape, numpy.float32)


def module(name: str, **shapes: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The tensors of one module of layer 0; ``lora_A__weight`` becomes ``lora_A.weight``."""
    return {f"{LAYERS}.0.{name}.{part.replace('__', '.')}": shape for part, shape in shapes.items()}


def lora(*modules: str, r: int = 4, inputs: int = 8, outputs: int = 6) -> dict[str, tuple[int, ...]]:
    """LoRA pairs of modules given by their names behind ``base_model.model.``."""
    found: dict[str, tuple[int, ...]] = {}
    for name in modules:
        found[f"base_model.model.{name}.lora_A.weight"] = (r, inputs)
        found[f"base_model.model.{name}.lora_B.weight"] = (outputs, r)
    return found
