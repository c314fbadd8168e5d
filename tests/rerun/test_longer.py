"""Runs that were gone on with, and kept no checkpoint of before: the rates tell it, and what follows is open."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from auditor.claims import build
from auditor.compare.schedules import Schedule, rate
from auditor.model import Verdict
from auditor.rerun.judging import longer
from auditor.rerun.judging.counters_gap import state_gap
from auditor.rerun.judging.gaps import Pair
from auditor.rerun.judging.longer import gone_on
from auditor.rerun.judging.summary import Judged
from auditor.rerun.planning import plan as planning
from auditor.runs import Run
from tests.builders.pickles import make_training_args
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v
from tests.rerun.test_attempts import lowered
from tests.rerun.test_unsaid import DRAWN, LATER, LOSS, RATE, SCHEDULER, WEIGHTS

PEAK, WARMUP, TOTAL = 0.002, 2, 18
"""The fixture's training arguments: linear, of 18 steps."""


def linear(step: int, total: int) -> float:
    """transformers 5.23.0, optimization.py, `_get_linear_schedule_with_warmup_lr_lambda`, by hand."""
    return PEAK * (step / WARMUP if step < WARMUP else max(0.0, (total - step) / (total - WARMUP)))


def logged(rate: Callable[[int], float]) -> Run:
    """The fixture with these rates in every log."""

    def edit(state: dict[str, Any]) -> None:
        for row in state["log_history"]:
            if "learning_rate" in row:
                row["learning_rate"] = rate(row["step"])

    files = v.committed()
    for path in v.STATES:
        files = v.with_json(files, path, edit)
    return v.run_of(files)


def raised(last: int, before: int, late: int = 0) -> Run:
    """Up to a step the schedule of another total; ``late`` for logs that have the rate of the step itself."""
    return logged(lambda step: linear(step - late, before if step <= last else TOTAL))


def open_ones(run: Run, *gaps: Judged, span: str = "whole") -> list[bool]:
    plan = replace(v.plan_of_fixture(), span=span)
    return [item.verdict is Verdict.INCONCLUSIVE for item in gone_on(gaps, run, plan)]


@pytest.mark.parametrize("late", [0, 1])
def test_what_follows_from_other_rates_is_open(late: int) -> None:
    run = raised(7, 9, late)
    (found,) = gone_on([WEIGHTS], run, v.plan_of_fixture())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.why == (
        f"{WEIGHTS.gap.says}; but the rates logged up to step 7 are those of a schedule of 9 steps, and the rest those "
        "of 18: the run was gone on with, and no checkpoint of before is there"
    )
    assert open_ones(run, LATER, DRAWN, RATE, SCHEDULER) == [True, True, True, False]


def test_a_run_that_was_shortened_is_open_too() -> None:
    assert open_ones(raised(9, 40), WEIGHTS) == [True]


def test_another_first_loss_a_proof_and_a_part_behind_a_checkpoint_stay() -> None:
    run = raised(7, 9)
    assert open_ones(run, WEIGHTS, LOSS) == [False, False]
    assert open_ones(run, replace(WEIGHTS, proved=True)) == [False]
    assert open_ones(run, WEIGHTS, span="segments") == [False]


def kept_early(last: int, before: int) -> Run:
    """Checkpoint-9 is of a schedule of another total, which the rates follow up to a step."""

    def edit(state: dict[str, Any]) -> None:
        for row in state["log_history"]:
            if "learning_rate" in row:
                row["learning_rate"] = linear(row["step"], before if row["step"] <= last else TOTAL)

    files = v.committed()
    for path in v.STATES:
        files = v.with_json(files, path, edit)
    early = v.with_json(
        files, "checkpoint-9/trainer_state.json", lambda state: state.update(max_steps=before)
    )
    return v.run_of(early)


def test_a_checkpoint_from_long_before_does_not_tell_where_the_run_was_gone_on_with() -> None:
    """As the best one does, which save_total_limit keeps beside the last: what it was resumed from is gone."""
    run = kept_early(12, 15)
    at_end = replace(WEIGHTS, gap=replace(WEIGHTS.gap, step=18))
    (found,) = gone_on([at_end], run, replace(v.plan_of_fixture(), span="segments"))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.why == (
        f"{WEIGHTS.gap.says}; but the rates logged up to step 12 are those of a schedule of 15 steps, and the rest "
        "those of 18: the run was gone on with from a checkpoint after checkpoint-9, and that one is not there"
    )
    in_time = replace(WEIGHTS, gap=replace(WEIGHTS.gap, step=9))
    assert open_ones(run, in_time, span="segments") == [False]
    assert open_ones(kept_early(9, 15), at_end, span="segments") == [False]


@pytest.mark.parametrize(
    "rate",
    [
        lambda step: linear(step, TOTAL),
        lambda step: linear(step, 9),
        lambda step: 1.1 * linear(step, TOTAL),
        lambda step: linear(step, 30 if step <= 17 else TOTAL),
        lambda step: linear(step, 30 if step == 4 else TOTAL),
        lambda step: (1.1 if step <= 7 else 1.0) * linear(step, TOTAL),
        lambda step: linear(step, 9 if step <= 4 else 12 if step <= 8 else TOTAL),
    ],
    ids=[
        "as declared",
        "another total",
        "another rate",
        "one of the rest",
        "one",
        "another rate at first",
        "twice",
    ],
)
def test_other_rates_excuse_nothing(rate: Callable[[int], float]) -> None:
    assert open_ones(logged(rate), WEIGHTS) == [False]


def test_another_batch_before_is_open_and_the_arguments_are_the_plan() -> None:
    run = lowered(finds=False, asked=2, ran=4)
    (found,) = gone_on([WEIGHTS], run, v.plan_of_fixture())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.why == (
        f"{WEIGHTS.gap.says}; but the state counts batches of 4, as resuming leaves it where that many were asked for "
        "before: the run was gone on with another batch, and no checkpoint of before is there"
    )
    assert open_ones(run, LATER, DRAWN, SCHEDULER) == [True, True, False]
    assert open_ones(run, WEIGHTS, LOSS) == [False, False]
    plan = planning.build(run, build(run), TINY_BASE, v.DATA, None, "auto")
    assert plan.settings["per_device_train_batch_size"].value == 2


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({}, True),
        ({"num_input_tokens_seen": 7}, True),
        ({"save_steps": 7}, False),
        ({"global_step": 7}, False),
    ],
)
def test_a_state_that_differs_in_its_batch_alone_is_open(others: dict[str, int], expected: bool) -> None:
    """What else of a state is another does not follow from the batch, whichever of the two is told first."""
    ours = v.with_json(v.committed(), v.STATES[1], lambda state: state.update(num_input_tokens_seen=5))
    theirs = v.with_json(ours, v.STATES[1], lambda state: state.update(others, train_batch_size=4))
    one, two = (next(f for f in v.run_of(files).checkpoints if f.step == 9) for files in (theirs, ours))
    found = state_gap(Pair("", 9, one, two, v.run_of(theirs).contents))
    assert found is not None
    assert set(found.counters) == {"train_batch_size", *others}
    run = lowered(finds=False, asked=2, ran=4)
    assert open_ones(run, Judged(found, Verdict.DIVERGED, found.says, 0.0, None)) == [expected]


@pytest.mark.parametrize("run", [lowered(finds=False, asked=2, ran=2), lowered(finds=True, asked=2, ran=4)])
def test_the_same_batch_and_one_that_was_lowered_are_no_such_thing(run: Run) -> None:
    assert open_ones(run, WEIGHTS) == [False]


def test_rows_that_fit_many_totals_are_not_tried_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a rate that is on no schedule, 2,000 rows of one step which tens of thousands of totals explain.

    A cosine of T steps has fallen by (pi 5 / 2 T)^2 after 5 of them: by less than one part in a million from T = 7,854.
    """
    tried: list[int] = []

    def counting(kind: str, step: int, schedule: Schedule) -> float:
        tried.append(step)
        return rate(kind, step, schedule)

    def edit(state: dict[str, Any]) -> None:
        rows = [(1, 7.0), *[(5, PEAK)] * 2_000]
        rows += [(step, PEAK * (1 + math.cos(math.pi * step / TOTAL)) / 2) for step in (16, 17, 18)]
        state["log_history"] = [{"step": step, "learning_rate": value} for step, value in rows]

    values = {"learning_rate": PEAK, "lr_scheduler_type": "cosine"}
    made = make_training_args(values, "transformers.training_args.TrainingArguments")
    files = v.committed()
    files |= {path: made for path in files if path.endswith("training_args.bin")}
    for path in v.STATES:
        files = v.with_json(files, path, edit)
    monkeypatch.setattr(longer, "rate", counting)
    assert open_ones(v.run_of(files), WEIGHTS) == [False]
    assert 50_000 < len(tried) < 1_000_000, "of 42,000 x 2,000"


@pytest.mark.parametrize("step", [10**400, -3], ids=["huge", "negative"])
def test_steps_that_no_float_holds_excuse_nothing(step: int) -> None:
    def edit(state: dict[str, Any]) -> None:
        for number, row in enumerate(state["log_history"]):
            row["step"] = step + number

    files = v.committed()
    for path in v.STATES:
        files = v.with_json(files, path, edit)
    assert open_ones(v.run_of(files), WEIGHTS) == [False]
