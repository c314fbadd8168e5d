import numpy

from tests.builders.repositories import TINY_BASE, healthy
from tests.checks.adapter.tensors import ADAPTER, Tensors, changed, name
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "module-not-in-base"
MODULE = "model.language_model.layers.7.mlp.up_proj"


def deeper(tensors: Tensors) -> None:
    """A module of layer 7 in an adapter for a model of two layers."""
    tensors[name("7.mlp.up_proj", "lora_A")] = numpy.ones((8, 64), numpy.float32)
    tensors[name("7.mlp.up_proj", "lora_B")] = numpy.ones((128, 8), numpy.float32)


def test_passes() -> None:
    assert found(RULE, healthy(), base=TINY_BASE) == []


def test_passes_an_embedding() -> None:
    def embedding(tensors: Tensors) -> None:
        prefix = "base_model.model.model.language_model.embed_tokens"
        tensors[f"{prefix}.lora_embedding_A"] = numpy.ones((8, 448), numpy.float32)
        tensors[f"{prefix}.lora_embedding_B"] = numpy.ones((64, 8), numpy.float32)

    assert found(RULE, healthy(data=changed(embedding)), base=TINY_BASE) == []


def test_fails() -> None:
    assert found(RULE, healthy(data=changed(deeper)), base=TINY_BASE) == [
        finding(
            RULE,
            ERROR,
            f"the base model lacks 1 of 15 modules, first {MODULE}",
            ADAPTER,
            MODULE,
            expected="modules of the base model",
            observed=MODULE,
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["the base model's configuration is not known (give --base DIR)"]
    edits = {"adapter_config.json": {"/layer_replication": [[0, 2], [0, 2]]}}
    alone = healthy(json_edits=edits, data=changed(deeper), without=["checkpoint-9/", "checkpoint-18/"])
    assert reasons(RULE, alone, base=TINY_BASE) == [
        "`layer_replication` gives the model other layers than its configuration says"
    ]
