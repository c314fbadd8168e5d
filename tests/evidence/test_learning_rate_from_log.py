"""Logged rates: closed forms of 100 steps with 10 of warm-up, logged every 5 steps."""

from collections.abc import Callable

import pytest

from auditor.evidence import learning_rate_from_log as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.events import make_events
from tests.builders.repositories import healthy
from tests.evidence.support import EVENTS, adapter, recipe, run_of, said, state

PEAK = 4e-5


def linear(step: int) -> float:
    return PEAK * (step / 10 if step < 10 else (100 - step) / 90)


def run_with(
    rates: dict[int, float], newer: bool = True, events: dict[int, float] | None = None, **train: object
) -> Run:
    asked = {"learning_rate": PEAK, "lr_scheduler_type": "linear", "warmup_ratio": 0.1, **train}
    counted = state(
        max_steps=100,
        global_step=100,
        log_history=[{"step": step, "learning_rate": rate} for step, rate in rates.items()],
    )
    if not newer:
        del counted["best_global_step"]
    files: dict[str, object] = {
        "adapter_config.json": adapter(),
        "cheetah-fine-tuning-config.json": recipe(train=asked),
        "checkpoint-100/trainer_state.json": counted,
    }
    if events is not None:
        files[EVENTS] = make_events({"train/learning_rate": tuple(events.items())})
    return run_of(files)


def logged(form: Callable[[int], float], offset: int) -> dict[int, float]:
    return {step: form(step - offset) for step in range(5, 101, 5)}


def outcomes(run: Run) -> dict[str, Status]:
    return {claim: outcome for claim, (outcome, _) in said(run, module).items()}


ALL_VERIFIED = dict.fromkeys(("learning_rate", "lr_scheduler_type", "warmup_ratio"), Status.VERIFIED)


@pytest.mark.parametrize(("newer", "offset"), [(True, 1), (False, 0), (True, 0), (False, 1)])
def test_both_ways_of_logging_verify(newer: bool, offset: int) -> None:
    # 129 public runs of the newer releases log one step behind, 86 of the older ones do not.
    assert outcomes(run_with(logged(linear, offset), newer)) == ALL_VERIFIED


def test_event_files_speak_where_the_history_is_empty() -> None:
    run = run_with({}, events=logged(linear, 1))
    assert outcomes(run) == ALL_VERIFIED
    assert EVENTS in said(run, module)["learning_rate"][1]


def test_another_peak_is_named() -> None:
    found = said(run_with(logged(lambda step: 2.5 * linear(step), 1)), module)
    assert found == {
        "learning_rate": (
            Status.CONTRADICTED,
            (
                "linear with a peak of 0.0001, not of 4e-05, explains the 20 learning rates in "
                "checkpoint-100/trainer_state.json"
            ),
        )
    }


def test_another_warm_up_is_not_taken_for_another_peak() -> None:
    # Rows after the ramp only: 20 warm-up steps instead of 10 scale all of them alike.
    rates = {step: PEAK * (100 - (step - 1)) / 80 for step in range(30, 101, 5)}
    found = outcomes(run_with(rates))
    assert "learning_rate" not in found
    assert Status.CONTRADICTED not in found.values()


def test_no_warm_up_at_all_is_named() -> None:
    found = said(run_with(logged(lambda step: PEAK * (100 - step) / 100, 1)), module)
    assert found["warmup_ratio"][0] is Status.CONTRADICTED
    assert found["warmup_ratio"][1].endswith("; linear without warm-up to step 100 from 4e-05 does")


def test_another_length_of_warm_up_is_named() -> None:
    """Declared are 10 warm-up steps; the rates climb for 20 and fall to zero from there."""

    def longer(step: int) -> float:
        return PEAK * (step / 20 if step < 20 else (100 - step) / 80)

    found = said(run_with(logged(longer, 1)), module)
    assert found["warmup_ratio"][0] is Status.CONTRADICTED
    assert found["warmup_ratio"][1].endswith("; linear after 20 warm-up steps to step 100 from 4e-05 does")
    assert "learning_rate" not in found


def test_another_kind_is_named() -> None:
    flat = logged(lambda step: PEAK * min(1.0, step / 10), 1)
    assert outcomes(run_with(flat)) == {"lr_scheduler_type": Status.CONTRADICTED}


def test_steps_that_fp16_skipped_delay_the_schedule() -> None:
    # Two steps skipped between rows 20 and 25, one more between 60 and 65.
    rates = {s: linear(s - 1 - (2 if s >= 25 else 0) - (1 if s >= 65 else 0)) for s in range(5, 101, 5)}
    found = said(run_with(rates, mixed_precision="fp16"), module)
    says = (
        "linear from 4e-05, delayed by 3 steps that fp16 skipped, explains the 20 learning rates in "
        "checkpoint-100/trainer_state.json"
    )
    assert found == {
        "learning_rate": (Status.VERIFIED, says),
        "lr_scheduler_type": (Status.VERIFIED, says),
    }


def test_under_fp16_nothing_is_contradicted() -> None:
    found = outcomes(run_with(logged(lambda step: 2.5 * linear(step), 1), mixed_precision="fp16"))
    assert set(found.values()) == {Status.UNVERIFIABLE}


def test_the_healthy_run_agrees() -> None:
    assert set(outcomes(run_of(healthy())).values()) == {Status.VERIFIED}


def test_is_silent_without_rates_or_a_declared_rate() -> None:
    assert said(run_with({}), module) == {}
    assert said(run_with(logged(linear, 1), learning_rate=None), module) == {}
