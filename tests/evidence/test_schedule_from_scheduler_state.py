"""Rates by hand from transformers' closed forms (optimization.py), on 100 steps with 10 of warm-up."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.artifacts.scheduler_state import SchedulerState
from auditor.compare.schedules import Schedule, factor
from auditor.evidence import schedule_from_scheduler_state as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import healthy
from tests.evidence.support import adapter, recipe, run_of, said, state, with_artifacts

PEAK = 4e-5


def run_with(points: dict[int, float], base: float = PEAK, **train: Any) -> Run:
    asked = {"learning_rate": PEAK, "lr_scheduler_type": "linear", "warmup_ratio": 0.1, **train}
    run = run_of(
        {
            "adapter_config.json": adapter(),
            "cheetah-fine-tuning-config.json": recipe(train=asked),
            "checkpoint-100/trainer_state.json": state(max_steps=100, global_step=100),
        }
    )
    states = (
        SchedulerState(f"checkpoint-{step}/scheduler.pt", step, step + 1, (base, base), (rate, rate), {})
        for step, rate in points.items()
    )
    return with_artifacts(run, *states)


def outcomes(run: Run) -> dict[str, Status]:
    return {claim: outcome for claim, (outcome, _) in said(run, module).items()}


def test_a_point_on_the_decay_tells_kind_and_warm_up() -> None:
    # (100 - 46) / (100 - 10) = 0.6 of the peak.
    assert said(run_with({46: 2.4e-5}), module) == {
        "learning_rate": (Status.VERIFIED, "the schedule's peak is 4e-05"),
        "lr_scheduler_type": (
            Status.VERIFIED,
            "linear after 10 warm-up steps to step 100 from 4e-05 explains the learning rate in scheduler.pt",
        ),
        "warmup_ratio": (
            Status.VERIFIED,
            "10 warm-up steps of 100 explain the learning rate in scheduler.pt",
        ),
    }


@pytest.mark.parametrize(
    ("points", "train", "kind", "warm"),
    [
        # Half-way down the cosine: cos(pi / 2) = 0, so 1/2.
        ({55: 2e-5}, {"lr_scheduler_type": "cosine"}, Status.UNVERIFIABLE, Status.VERIFIED),
        ({25: PEAK * 0.9330127018922193}, {"lr_scheduler_type": "cosine"}, Status.VERIFIED, Status.VERIFIED),
        # At the end linear and cosine are both zero, with and without a warm-up.
        ({100: 0.0}, {}, Status.UNVERIFIABLE, Status.UNVERIFIABLE),
        # On the ramp every warm-up schedule is the same.
        ({5: 2e-5}, {}, Status.UNVERIFIABLE, Status.VERIFIED),
        # Points of linear under the name of another kind; at step 46 cosine is elsewhere.
        (
            {5: 2e-5, 46: 2.4e-5},
            {"lr_scheduler_type": "constant_with_warmup"},
            Status.CONTRADICTED,
            None,
        ),
        (
            {5: 2e-5, 55: PEAK},
            {"lr_scheduler_type": "constant_with_warmup"},
            Status.VERIFIED,
            Status.VERIFIED,
        ),
        # (100 - 55) / 100 without a warm-up.
        ({55: 1.8e-5}, {}, None, Status.CONTRADICTED),
        ({25: PEAK * 0.9330127018922193}, {}, Status.CONTRADICTED, None),
        ({55: PEAK}, {}, Status.CONTRADICTED, None),
        ({55: 1.234e-5}, {}, Status.UNVERIFIABLE, None),
    ],
)
def test_what_the_points_tell(
    points: dict[int, float], train: dict[str, Any], kind: Status | None, warm: Status | None
) -> None:
    found = outcomes(run_with(points, **train))
    assert found.get("lr_scheduler_type") is kind
    assert found.get("warmup_ratio") is warm


def test_another_peak_contradicts_and_the_rest_is_not_judged() -> None:
    assert said(run_with({55: 1e-4}, base=2e-4), module) == {
        "learning_rate": (
            Status.CONTRADICTED,
            "learning_rate is declared as 4e-05, and scheduler.pt has a peak of 0.0002",
        )
    }


def test_steps_of_warm_up_outweigh_the_ratio() -> None:
    # (100 - 60) / (100 - 20) = 1/2.
    found = outcomes(run_with({60: 2e-5}, warmup_steps=20))
    assert found["warmup_steps"] is Status.VERIFIED
    assert "warmup_ratio" not in found


def test_an_unknown_kind_is_left_alone() -> None:
    assert outcomes(run_with({55: 2e-5}, lr_scheduler_type="polynomial")) == {
        "learning_rate": Status.VERIFIED
    }


def test_the_healthy_run_agrees() -> None:
    assert set(outcomes(run_of(healthy())).values()) == {Status.VERIFIED}


def test_is_silent_without_a_scheduler() -> None:
    assert said(run_with({}), module) == {}


@given(st.integers(0, 100), st.sampled_from(["linear", "cosine", "constant", "constant_with_warmup"]))
def test_the_factor_is_that_of_the_library(step: int, kind: str) -> None:
    # transformers 5.23.0, optimization.py, written out again.
    ramp = step / 10
    after = {
        "linear": max(0.0, (100 - step) / 90),
        "cosine": max(0.0, 0.5 * (1.0 + math.cos(math.pi * 0.5 * 2.0 * ((step - 10) / 90)))),
        "constant": 1.0,
        "constant_with_warmup": 1.0,
    }[kind]
    expected = ramp if step < 10 and kind != "constant" else after
    assert factor(kind, step, Schedule(10, 100, PEAK)) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@given(st.integers(1, 99), st.sampled_from(["linear", "cosine", "constant", "constant_with_warmup"]))
def test_an_honest_schedule_is_never_contradicted(step: int, kind: str) -> None:
    rate = PEAK * factor(kind, step, Schedule(0 if kind == "constant" else 10, 100, PEAK))
    found = outcomes(run_with({step: rate}, lr_scheduler_type=kind))
    assert Status.CONTRADICTED not in found.values()
