import numpy

from tests.builders.repositories import healthy, seed
from tests.checks.adapter.tensors import ADAPTER, Tensors, changed, name
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "mixed-tensor-types"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_copy_of_the_base_in_another_format() -> None:
    def embed(tensors: Tensors) -> None:
        tensors["base_model.model.lm_head.base_layer.weight"] = numpy.ones((448, 64), numpy.float16)

    assert found(RULE, healthy(data=changed(embed))) == []


def test_fails() -> None:
    def half(tensors: Tensors) -> None:
        key = name("0.mlp.up_proj", "lora_B")
        tensors[key] = tensors[key].astype(numpy.float16)

    assert found(RULE, healthy(data=changed(half))) == [
        finding(
            RULE,
            NOTE,
            "the LoRA matrices are stored in 2 number formats: 27 in F32, 1 in F16",
            ADAPTER,
            expected="one number format",
            observed="27 in F32, 1 in F16",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
