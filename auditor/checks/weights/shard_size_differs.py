"""The index gives another total size than the tensors of its shards have.

`total_size` is the number of bytes of all tensors (huggingface_hub 2.4.0, serialization/_base.py). Loaders
use it for progress and memory only, so another number changes nothing; it tells that the shards were
written again (cast, quantised, without tied copies) and the index was not.

Wrong when: tied weights were counted twice, or the index was converted from the one of the .bin files.

Fix: save the model again with `save_pretrained`, which writes the sum.

Bad:
    m.safetensors.index.json: /metadata = {"total_size": 1}
    m.safetensors.index.json: /weight_map = {"a": "a.safetensors"}
    a.safetensors: tensor a of shape 4x4

Good:
    m.safetensors.index.json: /metadata = {"total_size": 64}
    m.safetensors.index.json: /weight_map = {"a": "a.safetensors"}
    a.safetensors: tensor a of shape 4x4
"""

from collections.abc import Iterator

from auditor.artifacts.weight_index import WeightIndex
from auditor.checks.weights._shards import readable
from auditor.model import Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.NOTE


def check(index: WeightIndex, contents: Contents) -> Iterator[Problem | Skip]:
    """Only where every shard could be read; a tensor that lies in two shards counts once."""
    shards = readable(index, contents)
    if index.total_size is None or len(shards) < len(index.shards):
        why = "gives no total_size" if index.total_size is None else "has shards that could not be read"
        yield Skip(f"{index.path} {why}")
        return
    sizes = {name: info.nbytes for item in shards.values() for name, info in item.tensors.items()}
    total = sum(sizes.values())
    if total != index.total_size:
        yield Problem(
            f"`total_size` is {index.total_size:,}, and the tensors of the shards have {total:,} bytes",
            index.at("/metadata/total_size"),
            expected=f"{total}",
            observed=f"{index.total_size}",
        )
