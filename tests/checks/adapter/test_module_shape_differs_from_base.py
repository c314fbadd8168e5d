import json

import numpy
import pytest

from auditor.artifacts.base_config import BaseConfig
from tests.builders.repositories import TINY_BASE, healthy
from tests.checks.adapter.tensors import ADAPTER, Tensors, changed, name
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "module-shape-differs-from-base"
MODULE = "model.language_model.layers.0.mlp.down_proj"


def wider(tensors: Tensors) -> None:
    """down_proj of a model with 256 inner features instead of 128."""
    tensors[name("0.mlp.down_proj", "lora_A")] = numpy.ones((8, 256), numpy.float32)


def test_passes() -> None:
    assert found(RULE, healthy(), base=TINY_BASE) == []


def test_fails() -> None:
    assert found(RULE, healthy(data=changed(wider)), base=TINY_BASE) == [
        finding(
            RULE,
            ERROR,
            f"the LoRA matrices of 1 of 14 modules do not fit the base model, first {MODULE}",
            ADAPTER,
            MODULE,
            expected="128 inputs, 64 outputs",
            observed="256 inputs, 64 outputs",
        )
    ]


def test_fails_for_a_base_in_the_repository() -> None:
    config = json.loads((TINY_BASE / "config.json").read_text())
    config["text_config"]["hidden_size"] = 96
    (only,) = found(
        RULE, healthy(text={"config.json": json.dumps(config)}, without=["checkpoint-9/", "checkpoint-18/"])
    )
    assert only.message.startswith("the LoRA matrices of 14 of 14 modules do not fit the base model")


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["the base model's configuration is not known (give --base DIR)"]
    known = {"adapter_config.json": {"/base_model_name_or_path": "google/gemma-3-1b-it"}}
    alone = healthy(json_edits=known, without=["checkpoint-9/", "checkpoint-18/"])
    assert reasons(RULE, alone) == ["the base model's own configuration is not at hand (give --base DIR)"]
    other = healthy(
        text={"config.json": '{"model_type": "unheard_of"}'}, without=["checkpoint-9/", "checkpoint-18/"]
    )
    assert reasons(RULE, other) == ["the modules of model type unheard_of are not known"]


def test_the_known_configuration_is_marked_as_such() -> None:
    """The gate above rests on ``known``: a file never has it."""
    assert BaseConfig.of("config.json", {"model_type": "llama"}).known is None


@pytest.mark.parametrize("spelling", ["model.language_model", "language_model.model"])
def test_fails_in_the_spelling_of_either_release(spelling: str) -> None:
    def renamed(tensors: Tensors) -> None:
        wider(tensors)
        for key in list(tensors):
            tensors[key.replace("model.language_model", spelling)] = tensors.pop(key)

    (only,) = found(RULE, healthy(data=changed(renamed)), base=TINY_BASE)
    assert only.at.member == f"{spelling}.layers.0.mlp.down_proj"
