"""The type in which a file holds its numbers, and what rounding moves of an update."""

import numpy
import pytest
from numpy.typing import NDArray

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.adapters import compare
from auditor.rerun.precision import coarse, held
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


def array(*numbers: float) -> Array:
    return numpy.array(numbers, "f4")


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


def test_a_type_that_is_stored_is_believed() -> None:
    assert held("F16", numpy.array([1.0], "f2")) == "F16"


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
    weights = AdapterWeights.parse(
        blob(
            make_adapter(
                {
                    "one": (array(first[0])[:, None], array(3 * first[1])[:, None]),
                    "two": (array(second[0])[:, None], array(4 * second[1])[:, None]),
                }
            ),
            "adapter_model.safetensors",
        )
    )
    found = coarse(weights, compare(weights, CONFIG, weights, CONFIG))
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_module_that_does_nothing_excuses_nothing() -> None:
    weights = AdapterWeights.parse(
        blob(
            make_adapter(
                {
                    "one": (array(1.0)[:, None], array(0.0)[:, None]),
                    "two": (array(LONG)[:, None], array(LONG)[:, None]),
                }
            ),
            "adapter_model.safetensors",
        )
    )
    assert coarse(weights, compare(weights, CONFIG, weights, CONFIG)) == 0.0
