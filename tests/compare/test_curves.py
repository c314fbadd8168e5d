"""Series of one scalar set side by side."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.compare.curves import aligned, compare_series
from auditor.model import CurveComparison

NAN = float("nan")
INF = float("inf")
POINTS = st.lists(st.tuples(st.integers(0, 9), st.floats(-1e6, 1e6)), max_size=20)


def test_equal_series() -> None:
    series = ((1, 2.0), (2, 1.5))
    assert compare_series("loss", "a", series, "b", series) == CurveComparison(
        "loss", "a", "b", series, series, None, 0.0
    )


def test_the_first_difference_and_the_largest_gap() -> None:
    found = compare_series("loss", "a", [(1, 2.0), (2, 1.5), (3, 1.0)], "b", [(1, 2.0), (2, 1.25), (3, 2.0)])
    assert (found.first_difference, found.max_gap) == (2, 1.0)


def test_float32_of_an_event_file_equals_the_rounded_number() -> None:
    """2.3456 in float32 is 2.3456001281738281 (numpy.float32): 5.5e-8 away, relatively."""
    found = compare_series("loss", "a", [(1, 2.3456)], "b", [(1, 2.3456001281738281)])
    assert found.first_difference is None
    assert found.max_gap == pytest.approx(1.281738281e-7, rel=1e-6)
    assert compare_series("loss", "a", [(1, 2.3456)], "b", [(1, 2.3456001281738281)], 0).first_difference == 1


def test_steps_of_one_side_alone_count_for_neither() -> None:
    found = compare_series("loss", "a", [(5, 1.0), (10, 0.5)], "b", [(10, 0.5), (15, 9.0)])
    assert (found.first_difference, found.max_gap) == (None, 0.0)
    assert (found.base, found.head) == (((5, 1.0), (10, 0.5)), ((10, 0.5), (15, 9.0)))
    apart = compare_series("loss", None, [], "b", [(1, 1.0)])
    assert (apart.first_difference, apart.max_gap) == (None, None)


@pytest.mark.parametrize(
    ("one", "two", "first", "gap"),
    [
        (NAN, NAN, None, None),
        (NAN, 1.0, 1, None),
        (1.0, NAN, 1, None),
        (INF, INF, None, None),
        (INF, -INF, 1, None),
        (INF, 1.0, 1, None),
        (0.0, -0.0, None, 0.0),
    ],
)
def test_numbers_that_are_none(one: float, two: float, first: int | None, gap: float | None) -> None:
    found = compare_series("grad_norm", "a", [(1, one)], "b", [(1, two)])
    assert (found.first_difference, found.max_gap) == (first, gap)


def test_the_last_value_of_a_step_counts() -> None:
    assert aligned([(1, 3.0), (1, 2.0), (2, 1.0), (2, 0.5)]) == ((1, 2.0), (2, 0.5))


def test_a_resumed_run_replaces_what_it_trained_again() -> None:
    assert aligned([(1, 9.0), (2, 8.0), (3, 7.0), (2, 6.0), (4, 5.0)]) == ((1, 9.0), (2, 6.0), (4, 5.0))


def test_a_further_try_starts_over() -> None:
    assert aligned([(1, 9.0), (2, 8.0), (1, 5.0)]) == ((1, 5.0),)


@given(POINTS)
def test_aligned_is_ordered_and_stable(points: list[tuple[int, float]]) -> None:
    found = aligned(points)
    steps = [step for step, _ in found]
    assert steps == sorted(set(steps))
    assert aligned(found) == found
    assert set(found) <= set(points)
    if points:
        assert found[-1] == points[-1]


@given(POINTS, POINTS)
def test_both_directions_agree(one: list[tuple[int, float]], two: list[tuple[int, float]]) -> None:
    there = compare_series("loss", "a", one, "b", two)
    back = compare_series("loss", "b", two, "a", one)
    assert (there.first_difference, there.max_gap) == (back.first_difference, back.max_gap)
    assert there.max_gap is None or not math.isnan(there.max_gap)
