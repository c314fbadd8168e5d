"""The shards of a folder: by its index, and by their names."""

from collections.abc import Iterator, Mapping

from auditor.artifacts.model_weights import SHARD, ModelWeights
from auditor.artifacts.weight_index import WeightIndex
from auditor.model import folder_of, name_of
from auditor.runs import Contents


def indices(contents: Contents) -> Iterator[WeightIndex]:
    """Every index that was read."""
    for folder in contents.folders.values():
        yield from folder.all(WeightIndex)


def is_plain(name: str) -> bool:
    """Whether a shard's name is a file in the folder of its index, and not a path."""
    return bool(name) and not any(mark in name for mark in ("/", "\\", "\0")) and name not in (".", "..")


def beside(index: WeightIndex, name: str) -> str:
    """The path of a shard that lies in the folder of its index."""
    return f"{index.folder}/{name}" if index.folder else name


def present(index: WeightIndex, contents: Contents) -> tuple[str, ...]:
    """The shards of an index that the repository has, fetched or not."""
    files = contents.snapshot.files
    return tuple(name for name in index.shards if is_plain(name) and beside(index, name) in files)


def readable(index: WeightIndex, contents: Contents) -> Mapping[str, ModelWeights]:
    """The shards of an index that were read, by name."""
    folder = contents.folders.get(index.folder)
    found = {name_of(item.path): item for item in folder.all(ModelWeights)} if folder else {}
    return {name: found[name] for name in index.shards if name in found}


def numbered(contents: Contents) -> Mapping[tuple[str, str, str, int], Mapping[int, str]]:
    """The paths of files named like shards by number; groups are (folder, stem, ending, total)."""
    groups: dict[tuple[str, str, str, int], dict[int, str]] = {}
    for path in contents.snapshot.files:
        match = SHARD.match(name_of(path))
        if match is not None:
            key = (folder_of(path), match["stem"], match["end"], int(match["total"]))
            groups.setdefault(key, {})[int(match["number"])] = path
    return groups
