"""The index of shards: names are text, whatever they say."""

import json

import pytest

from auditor.artifacts._safetensors import TENSOR_LIMIT
from auditor.artifacts.weight_index import WeightIndex
from auditor.errors import CannotRead
from tests.builders.blobs import blob


def read(document: object) -> WeightIndex:
    text = document if isinstance(document, str) else json.dumps(document)
    return WeightIndex.parse(blob(text.encode(), "model.safetensors.index.json"))


def test_names() -> None:
    assert WeightIndex.matches("full/pytorch_model.bin.index.json")
    assert WeightIndex.matches("model.safetensors.index.json")
    assert WeightIndex.matches("diffusion_pytorch_model.safetensors.index.fp16.json")
    assert not WeightIndex.matches("index.json")


def test_a_map_and_a_size() -> None:
    found = read({"metadata": {"total_size": 32.0}, "weight_map": {"a": "x", "b": "y", "c": "x"}})
    assert (found.total_size, found.shards, found.strange) == (32, ("x", "y"), ())
    assert found.facts()["weight_map.b"].value == "y"


def test_strange_entries_are_kept_apart() -> None:
    found = read({"metadata": 7, "weight_map": {"a": "x", "b": 3, "c": None}})
    assert (dict(found.weight_map), found.strange, found.total_size) == ({"a": "x"}, ("b", "c"), None)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        '{"weight_map": ["a"]}',
        "[" * 100_000,
        '{"weight_map": {"a": "x", "a": "y"}}',
        {"weight_map": dict.fromkeys(map(str, range(TENSOR_LIMIT + 1)), "x")},
    ],
)
def test_hostile_documents_cannot_be_read(document: object) -> None:
    with pytest.raises(CannotRead):
        read(document)
