"""A log that went on from a checkpoint: what it counts anew, and its first mean, are held against nothing."""

from dataclasses import replace
from typing import Any

import pytest

from auditor.model import Span
from auditor.rerun.judging.curve_gap import _begun, _unfit
from tests.rerun import variants as v

PARTS = (Span(0, 9), Span(9, 18, "checkpoint-9"))
PLAN = replace(v.plan_of_fixture(), span="segments", parts=PARTS)


def rows(*steps: int) -> dict[str, list[tuple[int, float]]]:
    return {"loss": [(step, 1.0) for step in steps]}


def test_a_mean_that_began_before_the_checkpoint_is_left_out() -> None:
    """Logged every four steps, step 12's mean begins at 9 in the segment and at 8 in the run."""
    logged = rows(4, 8, 12, 16)
    assert _unfit("loss", logged, PLAN) == {12}
    assert _unfit("entropy", logged, PLAN) == {12}
    assert _unfit("learning_rate", logged, PLAN) == set()
    assert _unfit("grad_norm", logged, PLAN) == set()


def test_a_row_at_the_checkpoint_itself_ends_every_mean() -> None:
    assert _unfit("loss", rows(3, 6, 9, 12), PLAN) == set()


def test_tokens_are_counted_from_where_training_went_on() -> None:
    assert _unfit("num_tokens", rows(3, 6, 9, 12, 15), PLAN) == {12, 15}


def test_a_whole_run_leaves_nothing_out() -> None:
    assert _unfit("loss", rows(4, 8, 12, 16), v.plan_of_fixture()) == set()
    assert _unfit("num_tokens", rows(4, 8, 12, 16), v.plan_of_fixture()) == set()


WHOLE = v.plan_of_fixture()


def test_a_mean_that_began_at_a_checkpoint_that_is_gone_is_left_out() -> None:
    """Logged every three steps and gone on with after step 5, step 6's mean is that of one step."""
    assert _unfit("loss", rows(3, 6, 9), WHOLE, {5}) == {6}
    assert _unfit("loss", rows(3, 6, 9), WHOLE, {6}) == set()
    assert _unfit("grad_norm", rows(3, 6, 9), WHOLE, {5}) == set()


@pytest.mark.parametrize(
    ("speed", "expected"),
    [
        (6.5, {5}),  # 13 steps in 2 seconds of a training of 18
        (9.0, set()),  # all of them, as releases count that divide the whole total
        (6.7, set()),  # 13.4 steps are none
        (10.0, set()),  # more than there are
    ],
)
def test_the_speed_of_the_last_row_tells_where_a_run_was_gone_on_with(
    speed: float, expected: set[int]
) -> None:
    def ended(document: dict[str, Any]) -> None:
        last = {"step": 18, "train_runtime": 2.0, "train_steps_per_second": speed}
        document["log_history"] = [row for row in document["log_history"] if "train_runtime" not in row] + [
            last
        ]

    assert _begun(v.run_of(v.with_json(v.committed(), "trainer_state.json", ended))) == expected
