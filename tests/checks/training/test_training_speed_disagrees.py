import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks.training.training_speed_disagrees import check
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import ROOT_STATE, alone, rows, with_rows

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
