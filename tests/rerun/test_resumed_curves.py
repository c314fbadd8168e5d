"""A log that went on from a checkpoint: what it counts anew, and its first mean, are held against nothing."""

from dataclasses import replace

from auditor.model import Span
from auditor.rerun.judging.curve_gap import _unfit
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
