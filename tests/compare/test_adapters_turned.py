"""An adapter whose update is another's times a negative number: different, and said to be its opposite."""

from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.engine.inspect import side_by_side
from auditor.model import AdapterComparison
from tests.builders import adapter_folders as made

FACTORS = made.factors(1)


def compared(factors: Any, lora_alpha: float = made.ALPHA) -> AdapterComparison:
    one, two = made.snapshot(made.folder(FACTORS)), made.snapshot(made.folder(factors, lora_alpha=lora_alpha))
    return side_by_side(one, two).comparison


@pytest.mark.parametrize("k", [1.0, 0.5, 2.0, 1e-3])
def test_a_negative_alpha_makes_the_opposite(k: float) -> None:
    """|W - (-k W)| over the longer of the two is (1 + k) / max(1, k)."""
    found = compared(FACTORS, lora_alpha=-k * made.ALPHA)
    assert found.relation == "different"
    assert found.cosine == pytest.approx(-1.0)
    assert found.relative_distance == pytest.approx((1 + k) / max(1, k))
    assert found.why == f"the head's update is the base's times {-k:g}, its opposite"


@settings(max_examples=25)
@given(st.floats(0.01, 100), st.booleans(), st.integers(0, 99))
def test_negated_factors_in_any_basis(k: float, of_a: bool, seed: int) -> None:
    turn = numpy.linalg.qr(numpy.random.default_rng(seed).normal(size=(made.RANK, made.RANK)))[0]
    signs = (-1, k) if of_a else (1, -k)
    factors = {n: (signs[0] * turn.T @ a, signs[1] * b @ turn) for n, (a, b) in FACTORS.items()}
    words = (compared(factors).why or "").split(" ")
    assert words[:-3] == ["the", "head's", "update", "is", "the", "base's", "times"]
    assert words[-2:] == ["its", "opposite"]
    assert float(words[-3].rstrip(",")) == pytest.approx(-k, rel=1e-5)


def test_one_module_that_is_not_turned_makes_it_nothing_in_particular() -> None:
    factors = {n: (a, -b) for n, (a, b) in FACTORS.items()}
    first = next(iter(factors))
    assert compared({**factors, first: FACTORS[first]}).why is None
    changed = factors[first][1].copy()
    changed[0, 0] *= 1.001
    assert compared({**factors, first: (factors[first][0], changed)}).why is None


def test_twice_negated_is_the_same_update() -> None:
    assert compared({n: (-a, -b) for n, (a, b) in FACTORS.items()}).relation == "equivalent"
    assert (
        compared({n: (a, -b) for n, (a, b) in FACTORS.items()}, lora_alpha=-made.ALPHA).relation
        == "equivalent"
    )
