from collections.abc import Mapping, Sequence

import pytest

from tests.builders.pickles import make_optimizer, make_torch
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons
from tests.checks.training.parts import STATE, rows

RULE = "optimizer-moments-impossible"
FILE = "checkpoint-18/optimizer.pt"
BOTH = ["checkpoint-9/optimizer.pt", FILE]


SHAPES = [(2, 2)] * 3
GROUP = {"amsgrad": False}
"""What tells torch's Adam and AdamW from RAdam and NAdam."""


def with_moment(
    value: float, name: str = "exp_avg_sq", group: Mapping[str, object] | None = None
) -> dict[str, bytes]:
    """The second of three parameters holds the value."""

    def moments(index: int, key: str) -> float:
        return value if (index, key) == (1, name) else 0.5

    return {FILE: make_optimizer(SHAPES, 18, moments, group)}


def with_norms(total: float) -> dict[str, bytes]:
    """Twelve elements whose second moments sum up to the number, over small first moments."""
    each = {"exp_avg": 1e-6, "exp_avg_sq": total / 12}
    return {FILE: make_optimizer(SHAPES, 18, lambda _, key: each[key], GROUP)}


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, healthy(data=with_moment(-1.0, "exp_avg"))) == []
    assert found(RULE, healthy(data=with_moment(0.0))) == []


def test_fails_for_a_negative_mean_of_squares() -> None:
    assert found(RULE, healthy(data=with_moment(-1e-30))) == [
        finding(
            RULE,
            ERROR,
            "moments of 1 of 3 parameters are negative in exp_avg_sq",
            FILE,
            "state/1",
            expected="means of squares",
            observed="parameter 1 first",
        )
    ]


@pytest.mark.parametrize("name", ["exp_avg", "exp_avg_sq"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_fails_for_nan_and_infinity(name: str, value: float) -> None:
    (only,) = found(RULE, healthy(data=with_moment(value, name)))
    assert only.message == "moments of 1 of 3 parameters are not finite"


def test_fails_for_a_mean_beyond_the_root_of_its_squares() -> None:
    """18 equal gradients g give (1 - 0.9^18) g and (1 - 0.999^18) g^2: a ratio of 0.85 / 0.133 = 6.4.

    The most is at gradients in the proportion (0.9 / 0.999)^k: 7.19 roots, 5.08 beside 0.5 squared.
    """
    gone = [STATE]
    assert found(RULE, healthy(data=with_moment(5.07, "exp_avg", GROUP), without=gone)) == []
    (only,) = found(RULE, healthy(data=with_moment(5.1, "exp_avg", GROUP), without=gone))
    assert only.message == "moments of 1 of 3 parameters are larger in exp_avg than exp_avg_sq allows"
    assert only.expected == "at most 7.186 times the root of exp_avg_sq"


def test_fails_for_a_mean_that_is_zero_beside_squares() -> None:
    (only,) = found(RULE, healthy(data=with_moment(0.0, "exp_avg", GROUP)))
    assert only.message == "moments of 1 of 3 parameters are all zero in exp_avg and not in exp_avg_sq"


def clipped_sum(norms: Sequence[float], beta: float = 0.999) -> float:
    """Adam's recursion on the clipped norms, step by step: v = beta v + (1 - beta) n^2."""
    value = 0.0
    for norm in norms:
        value = beta * value + (1 - beta) * min(norm, 1.0) ** 2
    return value


def honest_norms() -> list[float]:
    return [float(str(row["grad_norm"])) for row in rows()]


def test_passes_a_sum_that_the_norms_give() -> None:
    total = clipped_sum(honest_norms())
    assert found(RULE, healthy(data=with_norms(total))) == []
    assert found(RULE, healthy(data=with_norms(total * (1 + 4e-5)))) == []


def test_passes_an_adam_whose_decay_is_in_its_gradients() -> None:
    """torch 2.13.0, optim/adam.py: without decoupling the decay is added to the gradient before its square."""
    each = {"exp_avg": 1e-6, "exp_avg_sq": 0.01}
    coupled = {**GROUP, "decoupled_weight_decay": False}
    file = make_optimizer(SHAPES, 18, lambda _, key: each[key], coupled)
    assert found(RULE, healthy(data={FILE: file})) == []


def test_fails_for_a_sum_that_the_norms_do_not_give() -> None:
    total = clipped_sum(honest_norms())
    (only,) = found(RULE, healthy(data=with_norms(total * 1.001)))
    assert only.message == (
        f"the sum of exp_avg_sq in {FILE} is not what the gradient norms in checkpoint-18/trainer_state.json give"
    )
    assert only.at.member == "state/*/exp_avg_sq"
    assert only.expected is not None
    assert abs(float(only.expected) - total) <= 1e-5 * total


def test_passes_a_sum_of_norms_that_somebody_rounded_and_fails_beyond() -> None:
    """Norms of the log with two decimals: half a hundredth more and less in each step bounds the sum."""
    norms = [round(norm, 2) for norm in honest_norms()]
    edits = {STATE: {f"/log_history/{at}/grad_norm": norm for at, norm in enumerate(norms)}}
    low, high = (clipped_sum([norm + lost for norm in norms]) for lost in (-0.005, 0.005))
    honest = clipped_sum(honest_norms())
    for total, count in (
        (honest, 0),
        (low * 1.0001, 0),
        (high * 0.9999, 0),
        (low * 0.999, 1),
        (high * 1.001, 1),
    ):
        assert len(found(RULE, healthy(json_edits=edits, data=with_norms(total)))) == count


def test_passes_anything_that_unlogged_steps_allow_and_fails_beyond() -> None:
    """Every second row: between the logged squares and those with a clipped norm of 1 in each other step."""
    history = rows()[1::2]
    norms = honest_norms()
    low = clipped_sum([0.0 if n % 2 == 0 else norm for n, norm in enumerate(norms)])
    high = clipped_sum([1.0 if n % 2 == 0 else norm for n, norm in enumerate(norms)])
    edits = {STATE: {"/log_history": history}}
    for total, count in ((low * 1.0001, 0), (high * 0.9999, 0), (low * 0.99, 1), (high * 1.01, 1)):
        assert len(found(RULE, healthy(json_edits=edits, data=with_norms(total)))) == count


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/optimizer.pt was not read: unfetched"]
    plain = make_torch({"state": {0: {"step": 18.0}}, "param_groups": [{"params": [0]}]})
    skip = "the optimizer keeps no second moments in plain tensors"
    assert reasons(RULE, healthy(data=dict.fromkeys(BOTH, plain))) == [skip] * 2


@pytest.mark.parametrize("betas", [(0.9, [0.999]), [[], []], (), None, (0.9, 1.0), (0.9, "0.999")])
def test_passes_betas_that_no_adam_has(betas: object) -> None:
    """They are no numbers to sum by; what else the moments show still counts."""
    assert found(RULE, healthy(data=with_moment(-1.0, "exp_avg", {**GROUP, "betas": betas}))) == []
    assert len(found(RULE, healthy(data=with_moment(-1e-30, group={**GROUP, "betas": betas})))) == 1
