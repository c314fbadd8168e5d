"""An index of shards names a file outside its folder.

`save_pretrained` writes the bare names of files beside the index. transformers joins each name to the folder and
opens the result (transformers 5.23.0, utils/hub.py, `get_checkpoint_shard_files`), so that a name with `..` or an
absolute path makes it load another file of the machine as weights.

Wrong when: never for an index that transformers or diffusers wrote; both write plain names.

Fix: write the index again with `save_pretrained`, and ask where this one comes from.

Bad:
    model.safetensors.index.json: /weight_map = {"a": "../a.safetensors"}

Good:
    model.safetensors.index.json: /weight_map = {"a": "a.safetensors"}
"""

from collections.abc import Iterator

from auditor.artifacts.weight_index import WeightIndex
from auditor.checks._wording import counted
from auditor.checks.weights._shards import is_plain
from auditor.model import Problem, Severity

SEVERITY = Severity.ERROR


def check(index: WeightIndex) -> Iterator[Problem]:
    """Names are looked at as text and never followed."""
    strange = [name for name in index.shards if not is_plain(name)]
    if strange:
        yield Problem(
            f"the index names {counted(len(strange), 'file')} outside its folder: {strange[0][:120]!r}",
            index.at("/weight_map"),
            expected="bare names of files beside the index",
            observed=strange[0][:120],
        )
