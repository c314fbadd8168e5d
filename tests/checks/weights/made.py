"""Sharded models made by hand: an index, and shards with tensors of ones in float32."""

import json
from collections.abc import Mapping, Sequence

import numpy

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.safetensors import make_arrays

INDEX = "model.safetensors.index.json"
ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
HONEST = {"a": ONE, "b": TWO}
SHARDS = {ONE: ["a"], TWO: ["b"]}
BYTES = 4 * 4
"""Of one tensor: 2 x 2 elements of 4 bytes."""


def shard(names: Sequence[str]) -> bytes:
    """A shard whose tensors are 2 x 2."""
    return make_arrays({name: numpy.ones((2, 2), numpy.float32) for name in names})


def sharded(
    weight_map: Mapping[str, object] | None = None,
    shards: Mapping[str, Sequence[str]] | None = None,
    total_size: int | None = 2 * BYTES,
    more: Mapping[str, bytes] | None = None,
) -> Snapshot:
    """A model in two shards, or as given; an empty map leaves the index out."""
    index = {
        "metadata": {} if total_size is None else {"total_size": total_size},
        "weight_map": HONEST if weight_map is None else weight_map,
    }
    files = {name: shard(names) for name, names in (SHARDS if shards is None else shards).items()}
    if weight_map != {}:
        files[INDEX] = json.dumps(index).encode()
    return memory_snapshot("made", {**files, **(more or {})})
