import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks.training.training_speed_disagrees import check
from auditor.model import Problem
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import ROOT_STATE, alone, rows, with_rows
from tests.rerun import variants as v

RULE = "training-speed-disagrees"


def ended(**values: object) -> list[dict[str, object]]:
    """The honest rows of the final state, the last one with other values."""
    history = rows(ROOT_STATE)
    history[-1].update(values)
    return history


def test_passes() -> None:
    assert found(RULE, healthy()) == []


@given(st.integers(1, 10**6), st.floats(0.01, 10**6))
def test_passes_what_speed_metrics_rounds(steps: int, runtime: float) -> None:
    """trainer_utils.py, `speed_metrics`: round(num_steps / runtime, 3) and round(runtime, 4)."""
    row = {
        "step": steps,
        "train_runtime": round(runtime, 4),
        "train_steps_per_second": round(steps / runtime, 3),
    }
    state = TrainerState("trainer_state.json", {}, frozenset(), max_steps=steps, log_history=(row,))
    assert list(check(state, None)) == []


def test_passes_steps_since_a_resume_and_before_an_early_stop() -> None:
    """transformers 5.23.0, measured: 12 of 24 steps after resuming at 12, and 6 of 24 before stopping."""
    resumed = {"step": 24, "train_runtime": 12.0703, "train_steps_per_second": 0.994}
    stopped = {"step": 6, "train_runtime": 5.0353, "train_steps_per_second": 1.192}
    for row in (resumed, stopped):
        state = TrainerState(
            "trainer_state.json", {}, frozenset(), max_steps=24, save_steps=6, log_history=(row,)
        )
        assert list(check(state, None)) == []


RESUMED = {"train_runtime": 0.1423, "train_steps_per_second": 28.112}
"""Measured with transformers 5.23.0: resumed at step 2 of 6, where no checkpoint is kept, logged every other step."""
LOGGED = ((2, 6.289988994598389), (4, 6.3700127601623535), (6, 6.324183464050293))


def resumed(mean: float) -> TrainerState:
    log = (
        *({"step": step, "loss": loss} for step, loss in LOGGED),
        {"step": 6, "train_loss": mean, **RESUMED},
    )
    return TrainerState("trainer_state.json", {}, frozenset(), max_steps=6, save_steps=6, log_history=log)


def test_passes_steps_since_a_resume_that_the_mean_loss_tells_too() -> None:
    """(6.370013 + 6.324183) / 2 = 6.347098."""
    assert list(check(resumed(6.347098112106323), None)) == []


def test_fails_where_the_mean_is_not_that_of_as_many_steps() -> None:
    (only,) = check(resumed(6.328061739603679), None)  # of all six
    assert isinstance(only, Problem)
    assert only.observed == "4.00034"


def test_passes_steps_since_a_checkpoint_that_is_there() -> None:
    """A training of 9 steps that was gone on with to 18: its last checkpoint is no multiple of save_steps."""
    seldom = {"save_steps": 500, "num_train_epochs": 1}
    files = v.committed()
    edited = [*rows(ROOT_STATE)[:-1], ended(train_runtime=0.5, train_steps_per_second=18.0)[-1]]
    files = v.with_json(files, ROOT_STATE, lambda state: state.update(seldom, log_history=edited))
    state = v.run_of(files).one(TrainerState)
    assert state is not None
    assert list(check(state, v.run_of(files))) == []
    bare = {path: data for path, data in files.items() if not path.startswith(("checkpoint-", "runs/"))}
    (only,) = check(state, v.run_of(bare))
    assert isinstance(only, Problem)
    assert only.observed == "9"


def test_fails() -> None:
    # 35.646 steps a second in 5.05 s are 180.01 steps; the run has 18.
    assert found(RULE, alone(ended(train_runtime=5.05), ROOT_STATE)) == [
        finding(
            RULE,
            WARNING,
            "35.646 steps a second in 5.05 s are 180.012 steps, and max_steps is 18",
            ROOT_STATE,
            "/log_history/18/train_steps_per_second",
            expected="18",
            observed="180.012",
        )
    ]


@pytest.mark.parametrize("flos", [1.0, 1662861314.0])
def test_fails_for_other_flos(flos: float) -> None:
    (only,) = found(RULE, alone(ended(total_flos=flos), ROOT_STATE))
    assert only.at.member == "/log_history/18/total_flos"


def test_cannot_look_where_the_event_file_has_another_runtime() -> None:
    told = "the event file has other numbers in that row (events-differ-from-log-history)"
    assert told in reasons(RULE, with_rows(ended(train_runtime=5.05), ROOT_STATE))


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/trainer_state.json logs no end of training"]
