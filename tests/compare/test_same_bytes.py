"""One tensor of two files, bit by bit."""

from typing import Any

import numpy
import pytest

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._same_bytes import same_tensor
from tests.builders.blobs import blob
from tests.builders.safetensors import make_arrays

VALUES = numpy.array([1.0, numpy.nan, 0.0, -2.0], "f4")


def weights(values: Any) -> AdapterWeights:
    return AdapterWeights.parse(blob(make_arrays({"w": values}), "adapter_model.safetensors"))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (VALUES.copy(), True),
        (VALUES * numpy.array([1, 1, -1, 1], "f4"), False),
        (VALUES.reshape(2, 2), False),
        (VALUES.view("i8"), False),
        (VALUES.astype("f8"), False),
    ],
    ids=["NaN equals itself", "-0 is not 0", "shape", "whole numbers of the same bytes", "wider type"],
)
def test_same_type_shape_and_bits(other: Any, same: bool) -> None:
    assert same_tensor(weights(VALUES), weights(other), "w") is same
