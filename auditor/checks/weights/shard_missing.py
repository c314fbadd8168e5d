"""A sharded model lacks one of its shards, or the index that says which tensor lies where.

transformers opens every file that the index names (transformers 5.23.0, utils/hub.py, `get_checkpoint_shard_files`)
and fails for one that is not there; without the index it looks for a single model.safetensors and finds none. A
repository from which all shards are left out, by a size limit or a .gitignore, is the normal case and a note.

Wrong when: the shards are published elsewhere, or the names follow another program's pattern.

Fix: commit all files that `save_pretrained` wrote, the index among them.

Bad:
    model.safetensors.index.json: /weight_map = {"a": "a.safetensors", "b": "b.safetensors"}
    a.safetensors: tensor a of shape 4x4

Good:
    model.safetensors.index.json: /weight_map = {"a": "a.safetensors"}
    a.safetensors: tensor a of shape 4x4
"""

from collections.abc import Iterator, Mapping, Sized

from auditor.artifacts.weight_index import WeightIndex
from auditor.checks._wording import counted
from auditor.checks.weights._shards import beside, indices, is_plain, numbered, present
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.ERROR


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """By name, whether the files were fetched or not."""
    found = tuple(indices(contents))
    groups = numbered(contents)
    if not found and not groups:
        yield Skip("no sharded weights are in the repository")
    for index in found:
        yield from _by_index(index, contents)
    for (folder, stem, end, total), shards in groups.items():
        index_path = f"{folder}/{stem}.{end}.index.json".lstrip("/")
        # A variant stands in both names: model.fp16-00001-of-00002.safetensors, model.safetensors.index.fp16.json.
        plain, _, variant = stem.rpartition(".")
        other = f"{folder}/{plain}.{end}.index.{variant}.json".lstrip("/")
        if not {index_path, other} & contents.snapshot.files.keys():
            yield from _by_number(shards, total, index_path, f"{folder}/{stem}.{end}".lstrip("/"), contents)


def _by_index(index: WeightIndex, contents: Contents) -> Iterator[Problem]:
    wanted = [name for name in index.shards if is_plain(name)]
    there = present(index, contents)
    gone = [name for name in wanted if name not in there]
    if gone:
        yield Problem(
            f"the index names {counted(len(wanted), 'shard')}, and "
            + (
                f"{len(gone)} of them {_are(gone)} not in the repository, first {gone[0]}"
                if there
                else "none is in the repository"
            ),
            index.at("/weight_map"),
            expected=beside(index, gone[0]),
            observed="no such file",
            severity=None if there else Severity.NOTE,
        )


def _by_number(
    shards: Mapping[int, str], total: int, index_path: str, whole: str, contents: Contents
) -> Iterator[Problem]:
    """Files named like shards without their index: a model in one file beside them is complete without."""
    if whole in contents.snapshot.files or total == 1:
        return
    gone = [number for number in range(1, min(total, 100_000) + 1) if number not in shards]
    first = shards[min(shards)]
    if gone:
        message = f"{len(gone)} of {counted(total, 'shard')} {_are(gone)} not in the repository, first number {gone[0]}"
    else:
        message = f"{counted(total, 'shard')} have no index beside them, so transformers does not find them"
    yield Problem(
        message, Location(first), expected=index_path, observed=f"{len(shards)} of {total} shards, no index"
    )


def _are(items: Sized) -> str:
    return "is" if len(items) == 1 else "are"
