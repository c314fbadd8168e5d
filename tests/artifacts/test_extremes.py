"""The largest number of a tensor and what is no number, against NumPy; whoever asks again reads nothing."""

import math
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from auditor.artifacts._extremes import extremes
from auditor.artifacts.adapter_weights import AdapterWeights
from tests.builders import adapter_folders as made
from tests.builders.counting import Counted
from tests.builders.safetensors import make_arrays

KINDS = st.sampled_from(["f2", "f4", "f8", "i1", "i8", "u4", "?", "c8"])


@given(KINDS.flatmap(lambda kind: arrays.arrays(kind, st.integers(0, 40))), st.integers(1, 50))
def test_extremes_are_numpys(values: Any, size: int) -> None:
    found = extremes(values[start : start + size] for start in range(0, len(values), size))
    assert found.bad == int((~numpy.isfinite(values)).sum())
    with numpy.errstate(all="ignore"):
        largest = float(numpy.abs(values.astype("c16" if values.dtype.kind == "c" else "f8")).max(initial=0))
    assert found.largest == pytest.approx(largest, rel=1e-6, nan_ok=True)
    if found.largest < 1e150:  # the square of a larger one is infinite in float64
        squares = math.fsum(abs(value) ** 2 for value in values.tolist())
        assert found.squares == pytest.approx(squares, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "largest", "bad"),
    [
        ([], 0.0, 0),
        ([-0.0, 0.0], 0.0, 0),
        ([1.0, -3.0], 3.0, 0),
        ([1.0, math.nan, math.inf], math.nan, 2),
        ([1.0, -math.inf], math.inf, 1),
    ],
)
@pytest.mark.parametrize("first", ["extremes", "is_zero"])
def test_a_tensor_is_read_once_for_all_who_ask(
    values: list[float], largest: float, bad: int, first: str
) -> None:
    """Two thousand numbers of each kind; a glance at the first thousand tells most that are not zero."""
    data = make_arrays({"w": numpy.array(values * 2000, "f4")})
    source = Counted(made.snapshot({"adapter_model.safetensors": data}))
    weights = AdapterWeights.parse(source.snapshot.files["adapter_model.safetensors"])
    getattr(weights, first)("w")
    for _ in range(3):
        found = weights.extremes("w")
        assert found.largest == pytest.approx(largest, nan_ok=True)
        assert found.bad == 2000 * bad
        assert weights.is_zero("w") == (not numpy.array(values).any())
    assert source.bytes["adapter_model.safetensors"] <= len(data) + 4 * 1024
