"""Files named like shards lie beside an index that does not name them.

`save_pretrained` removes the shards of an earlier save from its folder (transformers 5.23.0, modeling_utils.py); a
model uploaded over an older one of another number of shards leaves files that no loader reads and that everybody
downloads. They also make it doubtful which save the others belong to.

Wrong when: the folder holds two models on purpose, each with its own index.

Fix: delete the files that the index does not name.

Bad:
    model.safetensors.index.json: /weight_map = {"a": "model-00001-of-00001.safetensors"}
    model-00001-of-00001.safetensors: tensor a of shape 4x4
    model-00002-of-00003.safetensors: = copy of adapter_model.safetensors

Good:
    model.safetensors.index.json: /weight_map = {"a": "model-00001-of-00001.safetensors"}
    model-00001-of-00001.safetensors: tensor a of shape 4x4
"""

from collections.abc import Iterator

from auditor.artifacts.model_weights import SHARD
from auditor.artifacts.weight_index import WeightIndex
from auditor.checks._wording import counted
from auditor.model import Location, Problem, Severity, folder_of, name_of
from auditor.runs import Contents

SEVERITY = Severity.WARNING


def check(index: WeightIndex, contents: Contents) -> Iterator[Problem]:
    """Files of the index's own stem and ending, in its folder."""
    name, _, variant = name_of(index.path).removesuffix(".json").partition(".index")
    stem, _, end = name.rpartition(".")
    stem += variant
    extra: list[str] = []
    for path in contents.snapshot.files:
        match = SHARD.match(name_of(path)) if folder_of(path) == index.folder else None
        if match and (match["stem"], match["end"]) == (stem, end) and name_of(path) not in index.shards:
            extra.append(path)
    if extra:
        yield Problem(
            f"{counted(len(extra), 'file')} named like shards are not in {name_of(index.path)}, "
            f"first {name_of(extra[0])}",
            Location(extra[0]),
            expected=f"the {counted(len(index.shards), 'shard')} of the index",
            observed=f"{len(extra)} more",
        )
