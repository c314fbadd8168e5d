"""Whole models and their shards: read like adapters, never taken for one."""

import numpy
import pytest

from auditor.artifacts._readers import readers_of
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.model_weights import ModelWeights
from auditor.artifacts.pickle_archive import PickleArchive
from auditor.errors import CannotRead
from auditor.runs import read
from auditor.sources.directory import memory_snapshot
from tests.builders.blobs import blob
from tests.builders.pickles import Tensor, make_torch
from tests.builders.safetensors import make_arrays

FILE = make_arrays({"a": numpy.arange(6, dtype=numpy.float32).reshape(2, 3)})


@pytest.mark.parametrize(
    "name", ["model.safetensors", "model-00001-of-00002.safetensors", "pytorch_lora_weights.safetensors"]
)
def test_every_safetensors_file_has_one_reader(name: str) -> None:
    assert readers_of(f"folder/{name}") == (ModelWeights,)


def test_adapters_and_other_pickles_keep_their_own() -> None:
    assert readers_of("adapter_model.safetensors") == (AdapterWeights,)
    assert set(readers_of("pytorch_model-00001-of-00002.bin")) == {ModelWeights, PickleArchive}
    assert ModelWeights not in readers_of("training_args.bin")


def test_a_model_is_no_adapter_of_its_folder() -> None:
    folder = read(memory_snapshot("x", {"model.safetensors": FILE})).folders[""]
    assert folder.one(AdapterWeights) is None
    found = folder.one(ModelWeights)
    assert found is not None
    assert found.array("a").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_torch_file() -> None:
    found = ModelWeights.parse(blob(make_torch({"a": Tensor((1.0, 2.0), (2,))}), "pytorch_model.bin"))
    assert (found.tensors["a"].shape, found.array("a").tolist()) == ((2,), [1.0, 2.0])


@pytest.mark.parametrize(
    ("name", "shard"),
    [
        ("x/model-00002-of-00010.safetensors", ("model", 2, 10)),
        ("pytorch_model-00001-of-00001.bin", ("pytorch_model", 1, 1)),
        ("model.safetensors", None),
        ("model-1-of-2.safetensors", None),
    ],
)
def test_the_number_of_a_shard(name: str, shard: object) -> None:
    data = FILE if name.endswith(".safetensors") else make_torch({})
    assert ModelWeights.parse(blob(data, name)).shard == shard


@pytest.mark.parametrize("data", [b"", b"\x00" * 8, FILE[:-1], b"{}", b"\xff" * 100])
def test_hostile_and_cut_off_files_cannot_be_read(data: bytes) -> None:
    for name in ("model.safetensors", "pytorch_model.bin"):
        with pytest.raises(CannotRead):
            ModelWeights.parse(blob(data, name))
