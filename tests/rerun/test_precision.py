"""The type in which a file holds its numbers, and what rounding moves of an update."""

from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.artifacts._tensor_bytes import CHUNK
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.adapters import compare
from auditor.rerun.judging.precision import coarse, held, held_by
from auditor.rerun.judging.weights_gap import same_bits
from tests.builders.blobs import blob
from tests.builders.safetensors import make_adapter

Array = NDArray[numpy.float32]
LONG = 1 + 2.0**-20
"""A number that neither bfloat16 nor float16 holds."""
CONFIG = AdapterConfig.parse(
    blob(
        '{"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["one", "two"]}',
        "adapter_config.json",
    )
)


FIRST = "base_model.model.one.lora_A.weight"


def array(*numbers: float) -> Array:
    return numpy.array(numbers, "f4")


def adapter(**factors: tuple[NDArray[Any], NDArray[Any]]) -> AdapterWeights:
    """An adapter of rank one, by module."""
    columns = {module: (a[:, None], b[:, None]) for module, (a, b) in factors.items()}
    return AdapterWeights.parse(blob(make_adapter(columns), "adapter_model.safetensors"))


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [
        ((1.0, 0.5, -3.0), "BF16"),
        ((1 + 2**-7,), "BF16"),  # eight significant bits
        ((1 + 2**-8,), "F16"),  # eleven
        ((1 + 2**-10,), "F16"),
        ((1 + 2**-11,), "F32"),
        ((2.0**20, 1 + 2**-8), "F32"),  # float16 ends at 65,504
        ((0.0, 0.0), "F32"),  # zeros tell nothing
    ],
)
def test_the_shortest_type_that_holds_all_values(numbers: tuple[float, ...], dtype: str) -> None:
    assert held("F32", array(*numbers)) == dtype
    assert held_by(adapter(one=(array(*numbers), array(LONG))), FIRST) == dtype


def test_a_type_that_is_stored_is_believed() -> None:
    assert held("F16", numpy.array([1.0], "f2")) == "F16"
    assert held_by(adapter(one=(numpy.array([1.0], "f2"), array(LONG))), FIRST) == "F16"


@pytest.mark.parametrize(("last", "dtype"), [(1.0, "BF16"), (1 + 2**-8, "F16"), (LONG, "F32")])
def test_every_number_of_a_tensor_counts(last: float, dtype: str) -> None:
    """However many chunks it is read in, the first of which are zeros."""
    numbers = numpy.zeros(CHUNK + 2, "f4")
    numbers[-1] = last
    assert held_by(adapter(one=(numbers, array(LONG))), FIRST) == dtype


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # |dW| of the modules is 3 and 4, so 5 in all; half a spacing of bfloat16 is 2**-8 of a number.
        ((1.0, 1.0), (1.0, 1.0), 2 * 2**-8),
        ((1.0, LONG), (LONG, LONG), 2**-8 * 3 / 5),
        ((1.0, 1.0), (LONG, LONG), 2 * 2**-8 * 3 / 5),
        ((LONG, LONG), (LONG, 1.0), 2**-8 * 4 / 5),
        ((LONG, LONG), (LONG, LONG), 0.0),
    ],
)
def test_each_module_counts_by_its_share(
    first: tuple[float, float], second: tuple[float, float], expected: float
) -> None:
    weights = adapter(
        one=(array(first[0]), array(3 * first[1])), two=(array(second[0]), array(4 * second[1]))
    )
    found = coarse(weights, compare(weights, CONFIG, weights, CONFIG))
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_module_that_does_nothing_excuses_nothing() -> None:
    weights = adapter(one=(array(1.0), array(0.0)), two=(array(LONG), array(LONG)))
    assert coarse(weights, compare(weights, CONFIG, weights, CONFIG)) == 0.0


def test_a_tensor_that_goes_on_where_another_ends_has_other_bits() -> None:
    """A rank padded with zeros: the first chunk of both is the same."""
    numbers = numpy.full(CHUNK, LONG, "f4")
    one = adapter(one=(numbers, array(LONG)))
    longer = adapter(one=(numpy.append(numbers, numpy.float32(0)), array(LONG)))
    assert same_bits(one, one)
    assert not same_bits(one, longer)
    assert not same_bits(longer, one)
