"""Two shards of one model hold a tensor of the same name, so that which one counts depends on the loader.

`save_pretrained` gives every tensor one place (huggingface_hub 2.4.0, serialization/_base.py,
`split_state_dict_into_shards_factory`). Loaders that follow the index take one copy, those that read shard
after shard keep the last; leftovers of an earlier save with other cuts look like this.

Wrong when: both copies are equal, which this rule does not compare.

Fix: save the model again into an empty folder and commit what is there.

Bad:
    model.safetensors.index.json: /weight_map = {"a": "a.safetensors", "b": "b.safetensors"}
    a.safetensors: tensor a of shape 4x4
    a.safetensors: tensor b of shape 4x4
    b.safetensors: tensor b of shape 4x4

Good:
    model.safetensors.index.json: /weight_map = {"a": "a.safetensors", "b": "b.safetensors"}
    a.safetensors: tensor a of shape 4x4
    b.safetensors: tensor b of shape 4x4
"""

from collections.abc import Iterator

from auditor.artifacts.weight_index import WeightIndex
from auditor.checks._wording import counted
from auditor.checks.weights._shards import readable
from auditor.model import Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.WARNING


def check(index: WeightIndex, contents: Contents) -> Iterator[Problem | Skip]:
    """The shards of one index that could be read; names only."""
    shards = readable(index, contents)
    if len(shards) < 2:
        yield Skip(f"fewer than two shards of {index.path} could be read")
        return
    places: dict[str, list[str]] = {}
    for shard, item in shards.items():
        for name in item.tensors:
            places.setdefault(name, []).append(shard)
    twice = {name: where for name, where in places.items() if len(where) > 1}
    if twice:
        name, where = next(iter(twice.items()))
        yield Problem(
            f"{counted(len(twice), 'tensor')} lie in more than one shard, first {name} in {where[0]} and {where[1]}",
            shards[where[1]].at(name),
            expected=f"{name} in {index.weight_map.get(name, where[0])} only",
            observed=", ".join(where[:4]),
        )
