from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks.training.train_loss_differs_from_log import _judge, _starts
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import ROOT_STATE, alone, rows, with_rows
from tests.rerun import variants as v

RULE = "train-loss-differs-from-log"
SKIP = "no trainer_state.json holds both a train_loss and a loss of its last step"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails() -> None:
    # The honest mean is 6.18431; the sum of the eighteen losses by 18 is the same number.
    edited = rows(ROOT_STATE)
    edited[-1]["train_loss"] = 4.0
    assert found(RULE, alone(edited, ROOT_STATE)) == [
        finding(
            RULE,
            WARNING,
            "train_loss is 4, and the 18 logged losses average 6.18431",
            ROOT_STATE,
            "/log_history",
            expected="6.18431",
            observed="4",
        )
    ]


def test_cannot_look_where_another_source_has_the_number_that_fits() -> None:
    told = "the other copies of the rows, or the event file, have numbers that give this mean"
    mean, loss, gap = rows(ROOT_STATE), rows(ROOT_STATE), rows(ROOT_STATE)
    mean[-1]["train_loss"] = 4.0
    loss[3]["loss"] = 1.0
    del gap[3]["loss"]
    assert [reasons(RULE, with_rows(edited, ROOT_STATE)) for edited in (mean, loss, gap)] == [[told]] * 3
    assert reasons(RULE, alone(gap, ROOT_STATE)) == [told]


def test_passes_a_run_resumed_where_the_speed_counts_from() -> None:
    """Measured: resumed at step 2 of 6, where no checkpoint is kept (test_training_speed_disagrees.py)."""
    logged = ((2, 6.289988994598389), (4, 6.3700127601623535), (6, 6.324183464050293))
    assert len(list(_judge(TrainerState("s", {}, frozenset()), (6, 6.347098112106323), logged))) == 1
    assert not list(_judge(TrainerState("s", {}, frozenset()), (6, 6.347098112106323), logged, {2}))
    row = {
        "step": 6,
        "train_loss": 6.347098112106323,
        "train_runtime": 0.1423,
        "train_steps_per_second": 28.112,
    }
    log = (*({"step": step, "loss": loss} for step, loss in logged), row)
    state = TrainerState("s", {}, frozenset(), max_steps=6, save_steps=6, log_history=log)
    assert _starts(v.run_of(v.committed()), state, 6) == {2, 9, 18}  # the fixture's checkpoints, and 6 - 4


Losses = st.lists(st.floats(0.1, 20), min_size=1, max_size=40)


def findings_of(losses: Sequence[float], interval: int, begin: int) -> int:
    """Round as the Trainer does, and sum from the row at which a resumed run began."""
    logged = [(interval * (number + 1), round(loss, 4)) for number, loss in enumerate(losses)]
    steps = interval * len(losses)
    mean = sum(interval * loss for loss in losses[begin:]) / steps
    state = TrainerState("s", {}, frozenset())
    return len(list(_judge(state, (steps, mean), logged)))


@given(Losses, st.integers(1, 50), st.data())
def test_passes_a_run_that_was_resumed_at_any_row(
    losses: list[float], interval: int, data: st.DataObject
) -> None:
    begin = data.draw(st.integers(0, len(losses) - 1))
    assert findings_of(losses, interval, begin) == 0


@pytest.mark.parametrize(("saved", "divisor"), [(10, 12), (10, 22), (5, 17), (5, 22)])
def test_passes_a_run_resumed_at_a_saved_step(saved: int, divisor: int) -> None:
    """Releases before 5 divide by all 22 steps, release 5 by those made; step 5 lies between two rows."""
    losses = [6.0 + 0.1 * (step % 5) for step in range(1, 23)]
    mean = sum(losses[saved:]) / divisor
    spans = [(max(saved, end - 2), end) for end in range(2, 23, 2) if end > saved]
    rows = [(end, sum(losses[begin:end]) / (end - begin)) for begin, end in spans]
    earlier = [(end, 9.0) for end in range(2, saved + 1, 2)]
    state = TrainerState("s", {}, frozenset(), save_steps=5, max_steps=22, num_train_epochs=2)
    assert list(_judge(state, (22, mean), [*earlier, *rows])) == []


def test_fails_for_the_mean_since_a_step_that_was_not_saved() -> None:
    losses = [(step, 9.0 - step / 10) for step in range(1, 23)]
    state = TrainerState("s", {}, frozenset(), save_steps=5, max_steps=22, num_train_epochs=2)
    mean = sum(loss for _, loss in losses[13:]) / 9
    assert len(list(_judge(state, (22, mean), losses))) == 1


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == [SKIP]
    assert reasons(RULE, with_rows(rows(ROOT_STATE)[:-1], ROOT_STATE)) == [SKIP]
    short = [row for row in rows(ROOT_STATE) if row["step"] != 18 or "train_loss" in row]
    assert reasons(RULE, with_rows(short, ROOT_STATE)) == [SKIP]
