from tests.builders.pickles import make_optimizer, make_torch
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "optimizer-moments-impossible"
FILE = "checkpoint-18/optimizer.pt"
BOTH = ["checkpoint-9/optimizer.pt", FILE]


def with_moment(value: float, name: str = "exp_avg_sq") -> dict[str, bytes]:
    """The second of three parameters holds the value."""
    shapes = [(2, 2)] * 3
    return {FILE: make_optimizer(shapes, 18, lambda index, key: value if (index, key) == (1, name) else 0.5)}


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, healthy(data=with_moment(-1.0, "exp_avg"))) == []
    assert found(RULE, healthy(data=with_moment(0.0))) == []


def test_fails_for_a_negative_mean_of_squares() -> None:
    assert found(RULE, healthy(data=with_moment(-1e-30))) == [
        finding(
            RULE,
            ERROR,
            "exp_avg_sq of 1 of 3 parameters is negative or not finite",
            FILE,
            "state/1/exp_avg_sq",
            expected="finite numbers of zero or more",
            observed="parameter 1 first",
        )
    ]


def test_fails_for_nan_and_infinity() -> None:
    assert len(found(RULE, healthy(data=with_moment(float("nan"))))) == 1
    assert len(found(RULE, healthy(data=with_moment(float("inf"))))) == 1


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/optimizer.pt was not read: unfetched"]
    plain = make_torch({"state": {0: {"step": 18.0}}, "param_groups": [{"params": [0]}]})
    skip = "the optimizer keeps no second moments in plain tensors"
    assert reasons(RULE, healthy(data=dict.fromkeys(BOTH, plain))) == [skip] * 2
