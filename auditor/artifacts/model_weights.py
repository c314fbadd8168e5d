"""Weights of whole models, their shards, adapters of other programs: every safetensors file, and pytorch_model.bin."""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.model import Blob, name_of

SHARD = re.compile(r"^(?P<stem>.{1,200})-(?P<number>\d{5})-of-(?P<total>\d{5})\.(?P<end>safetensors|bin)$")
"""How transformers names shards (huggingface_hub, serialization/_base.py): ``model-00001-of-00002.safetensors``."""


@dataclass(frozen=True, slots=True)
class ModelWeights(AdapterWeights):
    """One file of weights that is not PEFT's ``adapter_model``; read like one, and never as an adapter.

    A diffusers LoRA (pytorch_lora_weights.safetensors), an MLX adapter and a sharded adapter are here too.
    """

    patterns: ClassVar[tuple[str, ...]] = ("*.safetensors", "pytorch_model.bin", "pytorch_model-*.bin")

    @classmethod
    def matches(cls, path: str) -> bool:
        """Every such name but those of PEFT's adapters, which have a reader of their own."""
        name = name_of(path)
        if name == "pytorch_model.bin" or name.startswith("pytorch_model-"):
            return name.endswith(".bin")
        return name.endswith(".safetensors") and name not in AdapterWeights.patterns

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the header, or the pickle's structure without running it. Raises CannotRead."""
        return cls._torch(blob) if name_of(blob.path).endswith(".bin") else cls._safetensors(blob)

    @property
    def shard(self) -> tuple[str, int, int] | None:
        """(stem, number, total) of a shard's name; None for a file that is whole."""
        match = SHARD.match(name_of(self.path))
        return (match["stem"], int(match["number"]), int(match["total"])) if match else None
