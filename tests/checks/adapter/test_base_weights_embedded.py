import numpy

from tests.builders.repositories import healthy, seed
from tests.checks.adapter.tensors import ADAPTER, Tensors, changed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "base-weights-embedded"
NAME = "base_model.model.lm_head.base_layer.weight"


def embed(tensors: Tensors) -> None:
    tensors[NAME] = numpy.ones((448, 64), numpy.float32)


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def bias(tensors: Tensors) -> None:
    tensors["base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias"] = numpy.ones(
        64, numpy.float32
    )


def test_passes_the_biases_that_were_trained() -> None:
    """PEFT 0.21.2 saves them under this name with `bias` "all" and "lora_only" alone."""
    assert found(RULE, healthy(data=changed(bias))) == []


def test_passes_factors_of_parameters_within_each_other() -> None:
    """Two `target_parameters` of one module (peft 0.21.2): all wrappers but the outermost are a base_layer."""

    def nest(tensors: Tensors) -> None:
        for part, shape in (("A", (8, 64)), ("B", (128, 8))):
            name = f"base_model.model.model.layers.0.mlp.experts.base_layer.lora_{part}.weight"
            tensors[name] = numpy.ones(shape, numpy.float32)

    assert found(RULE, healthy(data=changed(nest))) == []


def test_fails() -> None:
    # By hand: two layers x 8 x (64+64 + 64+32 + 64+32 + 64+64 + 64+128 + 64+128 + 128+64) = 16,384 elements of LoRA
    # in float32, and 448 x 64 of the copy.
    copied, lora = 448 * 64 * 4, 2 * 8 * 1024 * 4
    assert found(RULE, healthy(data=changed(embed))) == [
        finding(
            RULE,
            WARNING,
            f"{copied:,} of {copied + lora:,} bytes of the adapter are copies of base model weights ({NAME})",
            ADAPTER,
            NAME,
            expected="LoRA tensors only",
            observed="1 base tensor",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
