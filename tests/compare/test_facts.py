"""The generic differ: within tolerance, NaN, types, sets."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.compare.facts import close, compare, identical
from auditor.model import Change, Fact


def test_each_kind_of_change() -> None:
    base = {
        "same": Fact(1),
        "gone": Fact(2),
        "moved": Fact(1.0),
        "near": Fact(1.0, rtol=1e-3),
        "path": Fact("a", ignorable=True),
    }
    head = {
        "same": Fact(1),
        "new": Fact(3),
        "moved": Fact(2.0),
        "near": Fact(1.0001, rtol=1e-3),
        "path": Fact("b", ignorable=True),
    }
    assert compare(base, head) == (
        Change("gone", "removed", 2, None),
        Change("moved", "changed", 1.0, 2.0),
        Change("near", "within tolerance", 1.0, 1.0001),
        Change("new", "added", None, 3),
        Change("path", "within tolerance", "a", "b"),
    )


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (math.nan, math.nan, True),
        (True, 1, False),
        (1, 1.0, True),
        (frozenset("ab"), frozenset("ba"), True),
        (["a", "b"], ["b", "a"], False),
        (None, 0, False),
    ],
)
def test_identity(one: object, two: object, same: bool) -> None:
    assert identical(one, two) is same


def test_infinities_and_booleans_are_never_close() -> None:
    assert not close(math.inf, math.inf, 1, 1)
    assert not close(True, False, 1, 1)
    assert not close("a", "b", 1, 1)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_closeness_is_symmetric(one: float, two: float) -> None:
    assert close(one, two, 1e-3, 1e-6) == close(two, one, 1e-3, 1e-6)


def test_a_policy_widens_the_tolerance_of_a_key_and_of_its_steps() -> None:
    base = {"loss@3": Fact(1.0), "grad_norm@3": Fact(1.0), "r": Fact(8.0)}
    head = {"loss@3": Fact(1.0005), "grad_norm@3": Fact(1.0005), "r": Fact(8.001)}
    kinds = {change.key: change.kind for change in compare(base, head, {"loss": 1e-3})}
    assert kinds == {"loss@3": "within tolerance", "grad_norm@3": "changed", "r": "changed"}
    narrow = {"loss@3": Fact(1.0, rtol=1e-2)}
    (near,) = compare(narrow, {"loss@3": Fact(1.0005)}, {"loss": 1e-9})
    assert near.kind == "within tolerance"
