"""Two LoRA adapters set against each other in tests: factors, files, configs, and their dense updates."""

import json
from collections.abc import Mapping
from typing import Any

import numpy
from numpy.typing import NDArray

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.adapters import compare
from auditor.model import AdapterComparison
from tests.builders.blobs import blob
from tests.builders.safetensors import make_arrays

Array = NDArray[Any]
Side = Mapping[str, tuple[Array, Array]]
P = "base_model.model."


def weights(arrays: Mapping[str, Array], side: str = "head") -> AdapterWeights:
    return AdapterWeights.parse(blob(make_arrays(arrays), f"{side}/adapter_model.safetensors"))


def config(side: str = "head", **values: object) -> AdapterConfig:
    raw = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, **values}
    return AdapterConfig.parse(blob(json.dumps(raw), f"{side}/adapter_config.json"))


def factors(seed: int, rank: int = 4, shape: tuple[int, int] = (12, 10)) -> tuple[Array, Array]:
    """Random (A, B) in float64; ``shape`` is (out, in)."""
    generator = numpy.random.default_rng(seed)
    return generator.standard_normal((rank, shape[1])), generator.standard_normal((shape[0], rank))


def named(side: Side) -> dict[str, Array]:
    """The factors under PEFT's names."""
    return {
        f"{P}{module}.lora_{word}.weight": array
        for module, pair in side.items()
        for word, array in zip("AB", pair, strict=True)
    }


def set_against(
    base: Mapping[str, Array],
    head: Mapping[str, Array],
    one: Mapping[str, Any] = {},
    two: Mapping[str, Any] = {},
) -> AdapterComparison:
    """Compare two files of named tensors under configs with r 4 and lora_alpha 8 unless changed."""
    return compare(weights(base, "base"), config("base", **one), weights(head, "head"), config("head", **two))
