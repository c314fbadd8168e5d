"""Runs that were gone on with from weights alone: what comes after is open, what lies before is judged as ever."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from auditor.compare.schedules import Named
from auditor.model import Verdict
from auditor.rerun.judging import anew as module
from auditor.rerun.judging.anew import begun_anew
from auditor.rerun.judging.longer import is_on
from auditor.rerun.judging.summary import Judged
from auditor.runs import Run
from tests.builders.events import make_events
from tests.builders.pickles import make_training_args
from tests.rerun import variants as v
from tests.rerun.test_longer import PEAK, TOTAL, WARMUP, linear
from tests.rerun.test_unsaid import LATER, LOSS, RATE, SCHEDULER, WEIGHTS, judged

STEP = 9
AFTER = judged("curve", 0.1, "loss", ((1, 1e-8), (10, 0.1)))
RATES_AFTER = judged("curve", 0.1, "learning_rate", ((1, 0.0), (10, 0.1)))
AT = replace(WEIGHTS, gap=replace(WEIGHTS.gap, step=STEP))


def anew(step: int = STEP, late: int = 0, *, stateless: bool = True, factor: float = 1.0) -> Run:
    """The fixture with rates that begin again after a step."""

    def edit(state: dict[str, Any]) -> None:
        for row in state["log_history"]:
            if "learning_rate" in row:
                begun = step if row["step"] > step else 0
                row["learning_rate"] = linear(row["step"] - late - begun, TOTAL) * (factor if begun else 1.0)

    files = v.committed()
    for path in v.STATES:
        files = v.with_json(files, path, edit)
    return v.run_of(v.without(files, "optimizer.pt", "scheduler.pt") if stateless else files)


def open_ones(run: Run, *gaps: Judged) -> list[bool]:
    return [item.verdict is Verdict.INCONCLUSIVE for item in begun_anew(gaps, run)]


@pytest.mark.parametrize("late", [0, 1])
def test_what_comes_after_is_open_and_what_lies_before_is_not(late: int) -> None:
    run = anew(late=late)
    found, *_ = begun_anew([WEIGHTS], run)
    assert found.why == (
        f"{WEIGHTS.gap.says}; but the rates logged after step 9 are those of the schedule's first steps, and it has "
        "no optimizer.pt: the run was gone on with from its weights alone, with new moments and generators"
    )
    assert open_ones(run, WEIGHTS, AFTER, RATES_AFTER, SCHEDULER) == [True] * 4
    assert open_ones(run, AT, LATER, RATE) == [False] * 3


def test_a_checkpoint_that_was_deleted_leaves_the_last_logged_step() -> None:
    assert open_ones(anew(6), WEIGHTS, AFTER) == [True, True]


def test_another_first_loss_and_a_proof_stay() -> None:
    assert open_ones(anew(), WEIGHTS, LOSS) == [False, False]
    assert open_ones(anew(), replace(WEIGHTS, proved=True)) == [False]


def test_a_checkpoint_with_states_was_gone_on_with_by_them() -> None:
    assert open_ones(anew(stateless=False), WEIGHTS) == [False]


@pytest.mark.parametrize(
    "run", [anew(17), anew(0), anew(factor=1.1)], ids=["one rate", "none", "other rates"]
)
def test_other_rates_excuse_nothing(run: Run) -> None:
    assert open_ones(run, WEIGHTS, AFTER) == [False, False]


def constant(*starts: int) -> Run:
    """One rate in all 18 steps, and an event file for each start, of the steps from there to the next one's."""
    files = {path: data for path, data in v.committed().items() if "tfevents" not in path}

    def edit(state: dict[str, Any]) -> None:
        for row in state["log_history"]:
            if "learning_rate" in row:
                row["learning_rate"] = PEAK

    for path in v.STATES:
        files = v.with_json(files, path, edit)
    for first, end in pairwise((*starts, TOTAL + 1)):
        losses = [(step, 6.0) for step in range(first, end)]
        files[f"runs/{first}/events.out.tfevents.1.host.{first}.0"] = make_events({"train/loss": losses})
    arguments = make_training_args({"lr_scheduler_type": "constant", "learning_rate": PEAK})
    files |= {path: arguments for path in files if path.endswith("training_args.bin")}
    return v.run_of(v.without(files, "optimizer.pt", "scheduler.pt"))


def test_where_all_rates_are_one_a_second_event_file_tells_it() -> None:
    run = constant(1, STEP + 1)
    assert open_ones(run, WEIGHTS, AFTER) == [True, True]
    assert open_ones(run, AT, LATER) == [False, False]


@pytest.mark.parametrize("starts", [(1,), (1, 13), (STEP + 1,)])
def test_other_event_files_do_not(starts: tuple[int, ...]) -> None:
    assert open_ones(constant(*starts), WEIGHTS, AFTER) == [False, False]


def seldom_logged(
    *rates: tuple[int, float], ended: tuple[bool, bool] = (False, True), only: bool = True
) -> Run:
    """Two processes with an event file each and hardly a rate, of a run that may keep its states to itself."""
    files = {path: data for path, data in v.committed().items() if "tfevents" not in path}
    for path in v.STATES:
        files = v.with_json(files, path, lambda state: state.update(log_history=[]))
    for number, ends in enumerate(ended):
        mean = {"train/train_loss": [(TOTAL, 6.0)]} if ends else {}
        logged = {"train/learning_rate": list(rates)} if ends else {}
        files[f"runs/{number}/events.out.tfevents.{number}.host.1.0"] = make_events({**logged, **mean})
    arguments = make_training_args(
        {
            "lr_scheduler_type": "linear",
            "learning_rate": PEAK,
            "warmup_steps": WARMUP,
            "save_only_model": only,
        }
    )
    files |= {path: arguments for path in files if path.endswith("training_args.bin")}
    return v.run_of(v.without(files, "optimizer.pt", "scheduler.pt"))


def test_where_hardly_a_rate_was_logged_a_process_that_did_not_end_tells_it() -> None:
    run = seldom_logged()
    found, *_ = begun_anew([WEIGHTS], run)
    assert found.why == (
        f"{WEIGHTS.gap.says}; but runs/0/events.out.tfevents.0.host.1.0 is of a process that did not reach the end, "
        "another one of one that did, and save_only_model keeps no optimizer.pt: the run was gone on with from its "
        "weights alone after step 0 or later, with new moments and generators"
    )
    assert open_ones(run, WEIGHTS, LOSS) == [False, False]  # another first loss


def test_a_process_that_was_stopped_early_logs_a_mean_of_its_own() -> None:
    """Measured with transformers 5.23.0: a callback that stops training at step 3 of 7 leaves train_loss at step 3."""
    files = {path: data for path, data in v.committed().items() if "tfevents" not in path}
    for path in v.STATES:
        files = v.with_json(files, path, lambda state: state.update(log_history=[]))
    for number, step in enumerate((STEP, TOTAL)):
        files[f"runs/{number}/events.out.tfevents.{number}.host.1.0"] = make_events(
            {"train/train_loss": [(step, 6.0)]}
        )
    files |= {
        path: make_training_args({"save_only_model": True})
        for path in files
        if path.endswith("training_args.bin")
    }
    assert open_ones(v.run_of(v.without(files, "optimizer.pt", "scheduler.pt")), WEIGHTS) == [True]


def test_a_rate_of_the_second_process_tells_from_where() -> None:
    run = seldom_logged((15, linear(15 - STEP, TOTAL)))
    assert open_ones(run, WEIGHTS, AFTER) == [True, True]
    assert open_ones(run, replace(AT, gap=replace(AT.gap, step=STEP - 1))) == [False]


@pytest.mark.parametrize(
    "run",
    [
        seldom_logged(ended=(True, True)),
        seldom_logged(ended=(False, False)),
        seldom_logged(only=False),
        seldom_logged((15, 1.1 * linear(2, TOTAL))),
    ],
    ids=["both ended", "none ended", "states saved", "a rate of no beginning"],
)
def test_two_processes_of_another_kind_excuse_nothing(run: Run) -> None:
    assert open_ones(run, WEIGHTS) == [False]


def test_rates_that_fit_many_beginnings_but_for_the_last_are_not_tried_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2,000 rates of 0, where every schedule has ended, and one that is none: 2,001 for each of 100,000 beginnings."""
    asked = 0

    def counted(named: Named, point: tuple[int, float]) -> bool:
        nonlocal asked
        asked += 1
        assert asked < 500_000
        return is_on(named, point)

    monkeypatch.setattr(module, "is_on", counted)
    rates = [(100_000 + step, 0.0) for step in range(2_000)]
    assert open_ones(seldom_logged(*rates, (102_000, 1.0)), WEIGHTS) == [False]
    assert asked > 2_000
