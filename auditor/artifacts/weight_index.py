"""model.safetensors.index.json and pytorch_model.bin.index.json: which shard holds which tensor, as declared.

The names of the shards are text from a hostile file: they are compared with the paths of the snapshot and never opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from auditor.artifacts._base import Artifact, read_json_object
from auditor.artifacts._fields import Fields
from auditor.artifacts._safetensors import TENSOR_LIMIT
from auditor.errors import CannotRead
from auditor.model import Blob, Fact


@dataclass(frozen=True, slots=True)
class WeightIndex(Artifact):
    """One index of shards. ``weight_map`` gives the shard of each tensor, ``total_size`` the bytes of all tensors.

    ``strange`` are entries of the map whose shard is no text.
    """

    patterns: ClassVar[tuple[str, ...]] = (
        *("*.safetensors.index.json", "*.bin.index.json"),
        # diffusers puts the variant between: model.safetensors.index.fp16.json.
        *("*.safetensors.index.*.json", "*.bin.index.*.json"),
    )
    path: str
    weight_map: Mapping[str, str] = field(default_factory=dict)
    total_size: int | None = None
    strange: tuple[str, ...] = ()

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read the map. Raises CannotRead for a file without one."""
        raw = read_json_object(blob)
        entries = raw.get("weight_map")
        if not isinstance(entries, dict):
            raise CannotRead("holds no `weight_map`, so it tells no shard of any tensor")
        if len(entries) > TENSOR_LIMIT:
            raise CannotRead(f"names more than {TENSOR_LIMIT:,} tensors, too many to read")
        return cls(
            path=blob.path,
            weight_map={name: shard for name, shard in entries.items() if isinstance(shard, str)},
            total_size=Fields(Fields(raw).mapping("metadata")).integer("total_size"),
            strange=tuple(name for name, shard in entries.items() if not isinstance(shard, str)),
        )

    @property
    def shards(self) -> tuple[str, ...]:
        """The names of the shards, each once, in the order of the map."""
        return tuple(dict.fromkeys(self.weight_map.values()))

    def facts(self) -> Mapping[str, Fact]:
        """The size, and the shard of each tensor."""
        return {
            "total_size": Fact(self.total_size),
            **{f"weight_map.{name}": Fact(shard) for name, shard in self.weight_map.items()},
        }
