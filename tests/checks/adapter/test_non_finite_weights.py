import numpy
import pytest

from tests.builders.repositories import healthy, seed
from tests.checks.adapter.tensors import ADAPTER, Tensors, changed, name
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "non-finite-weights"
TENSOR = name("0.mlp.up_proj", "lora_B")


def test_passes() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf, -numpy.inf])
def test_fails(value: float) -> None:
    def spoil(tensors: Tensors) -> None:
        tensors[TENSOR][3, :2] = value

    assert found(RULE, healthy(data=changed(spoil))) == [
        finding(
            RULE,
            ERROR,
            f"2 NaN or infinite values in 1 of 28 tensors, first {TENSOR} (2)",
            ADAPTER,
            TENSOR,
            expected="finite values",
            observed="2 NaN or infinite values",
        )
    ]


def test_fails_in_half_precision_where_one_exponent_is_infinity() -> None:
    def spoil(tensors: Tensors) -> None:
        tensors[TENSOR] = tensors[TENSOR].astype(numpy.float16)
        tensors[TENSOR].view(numpy.uint16)[0, 0] = 0x7C00

    (only,) = found(RULE, healthy(data=changed(spoil)))
    assert only.observed == "1 NaN or infinite value"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["adapter_model.safetensors was not read: unfetched (and 1 more)"]
