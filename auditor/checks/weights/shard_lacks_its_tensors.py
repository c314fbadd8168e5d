"""The index of a sharded model and the shards themselves disagree about which tensor lies where.

transformers takes the list of tensors from the index and their values from the shard it names (transformers 5.23.0,
modeling_utils.py). A tensor that is not in its shard starts at random with a warning; index and shards of two saves
mixed in one folder look like this.

Wrong when: never where all shards could be read.

Fix: commit the index and all shards from one `save_pretrained`.

Bad:
    model.safetensors.index.json: /weight_map = {"a": "a.safetensors"}
    a.safetensors: tensor b of shape 4x4

Good:
    model.safetensors.index.json: /weight_map = {"a": "a.safetensors"}
    a.safetensors: tensor a of shape 4x4
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts.model_weights import ModelWeights
from auditor.artifacts.weight_index import WeightIndex
from auditor.checks._wording import counted
from auditor.checks.weights._shards import present, readable
from auditor.model import Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.ERROR


def check(index: WeightIndex, contents: Contents) -> Iterator[Problem | Skip]:
    """Only the shards that could be read."""
    shards = readable(index, contents)
    if not shards:
        yield Skip(f"no shard of {index.path} could be read")
        return
    listed = [(name, shard) for name, shard in index.weight_map.items() if shard in shards]
    lost = [(name, shard) for name, shard in listed if name not in shards[shard].tensors]
    if lost:
        name, shard = lost[0]
        yield Problem(
            f"{len(lost)} of {counted(len(listed), 'tensor')} are not in the shard that the index names, first {name}",
            index.at("/weight_map"),
            expected=f"{name} in {shard}",
            observed=_where(name, shards) or "in no shard that was read",
        )
    unlisted = [name for shard in shards.values() for name in shard.tensors if name not in index.weight_map]
    if unlisted and not lost and len(shards) == len(present(index, contents)):
        yield Problem(
            f"{counted(len(unlisted), 'tensor')} of the shards are not in the index, first {unlisted[0]}",
            index.at("/weight_map"),
            expected=f"an entry for {unlisted[0]}",
            observed="none",
            severity=Severity.WARNING,
        )


def _where(name: str, shards: Mapping[str, ModelWeights]) -> str | None:
    return next((f"in {shard}" for shard, item in shards.items() if name in item.tensors), None)
