"""The healthy adapter's tensors, changed in code and saved again by the safetensors library."""

from collections.abc import Callable
from functools import cache
from typing import Any

from safetensors.numpy import load, save

from tests.builders.repositories import contents

ADAPTER = "adapter_model.safetensors"
Tensors = dict[str, Any]


@cache
def _original() -> bytes:
    return contents("tiny", "candidate")[0][ADAPTER]


def changed(change: Callable[[Tensors], None]) -> dict[str, bytes]:
    """``data`` for `healthy`: the root adapter after ``change`` has had its hands on the arrays."""
    tensors = load(_original())
    change(tensors)
    return {ADAPTER: save(tensors)}


def name(module: str, part: str) -> str:
    """The tensor of a text module, such as ("0.mlp.up_proj", "lora_B")."""
    return f"base_model.model.model.language_model.layers.{module}.{part}.weight"
