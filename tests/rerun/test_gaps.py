"""Distances: their laws, and numbers worked out by hand."""

import math
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.compare._rounding import rounded
from auditor.rerun.judging.curve_gap import curve_gap, first_outside
from auditor.rerun.judging.gaps import relative
from auditor.rerun.judging.precision import equal_bits
from auditor.rerun.judging.weights_gap import distance

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(numbers, numbers)
def test_a_relative_distance_is_symmetric_and_at_most_two(one: float, two: float) -> None:
    found = relative(one, two)
    assert found == relative(two, one)
    assert 0 <= found <= 2
    assert (found == 0) == (one == two)


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (1.0, 2.0, 0.5),
        (-1.0, 1.0, 2.0),
        (0.0, 3.0, 1.0),
        (math.nan, math.nan, 0.0),
        (math.nan, 1.0, math.inf),
        (math.inf, math.inf, 0.0),
        (math.inf, -math.inf, math.inf),
    ],
)
def test_relative_distances_by_hand(one: float, two: float, expected: float) -> None:
    assert relative(one, two) == expected


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ([3.0, 4.0], [3.0, 4.0], 0.0),
        ([3.0, 4.0], [0.0, 0.0], 1.0),
        ([3.0, 4.0], [6.0, 8.0], 0.5),  # |(3, 4)| / |(6, 8)|
        ([0.0, 0.0], [0.0, -0.0], 0.0),
        ([1.0, math.nan], [1.0, math.nan], 0.0),
        ([1.0, math.nan], [2.0, math.nan], math.inf),
        ([1.0, 2.0], [1.0, math.inf], math.inf),
        ([1.0, 2.0], [1.0], math.inf),
    ],
)
def test_distances_of_tensors_by_hand(one: list[float], two: list[float], expected: float) -> None:
    assert distance(numpy.array(one, "f4"), numpy.array(two, "f4")) == expected


def test_equal_bits_tell_minus_zero_from_zero() -> None:
    zero = numpy.zeros(1, "f4")
    assert equal_bits(zero, zero.copy())
    assert not equal_bits(zero, -zero)
    assert not equal_bits(zero, zero.astype("f8"))
    assert not equal_bits(zero, zero.reshape(1, 1))


normal = st.floats(min_value=2.0**-100, max_value=2.0**100, width=32)


@given(st.lists(st.one_of(normal, normal.map(lambda value: -value)), min_size=1, max_size=20))
def test_bfloat16_keeps_eight_significant_bits(values: list[float]) -> None:
    array: numpy.ndarray[Any, Any] = numpy.array(values, "f4")
    mantissa, exponent = numpy.frexp(array.astype("f8"))
    nearest = numpy.ldexp(numpy.round(mantissa * 256) / 256, exponent)  # half to even, as numpy.round does
    assert rounded(array, "BF16").astype("f8").tolist() == nearest.tolist()


def test_float16_overflows_to_infinity() -> None:
    assert rounded(numpy.array([1.0, 70000.0], "f4"), "F16").tolist() == [1.0, math.inf]


def test_a_curve_is_compared_at_the_steps_both_have() -> None:
    gap = curve_gap("loss", "trainer_state.json", {1: 4.0, 2: 3.0, 9: 1.0}, {1: 4.0, 2: 4.0, 3: 2.0})
    assert gap.points == ((1, 0.0), (2, 0.25))
    assert gap.distance == 0.25
    assert gap.step == 2
    assert first_outside(gap, 0.2) == 2
    assert first_outside(gap, 0.3) is None


def test_curves_without_a_common_step_are_not_compared() -> None:
    gap = curve_gap("loss", "trainer_state.json", {1: 4.0}, {2: 4.0})
    assert gap.distance is None
    assert gap.says == "the rerun logged no loss at the steps committed"
