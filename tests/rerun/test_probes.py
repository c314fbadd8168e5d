"""Beginnings of other readings: which ones the first logged loss refutes, and how far a beginning goes."""

import math
from dataclasses import replace
from typing import Any

import pytest

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Alternative, RerunPlan, Span, Verdict
from auditor.rerun import probes
from auditor.rerun.outputs import Output, Outputs, Part
from auditor.rerun.trials import PROBE, Trial
from auditor.runs import read
from tests.rerun import variants as v

BARE = v.without(v.committed(), v.event_path())
"""The fixture, whose losses only trainer_state.json logs."""
ORDER = Alternative({"data_seed": 3}, "data_seed = 3: told by no file", open=True)


def with_loss(times: float | None, step: int = 1, files: v.Files = BARE) -> v.Files:
    """The files with the loss of one step times a number, or without one."""

    def edit(row: dict[str, Any]) -> None:
        if row["step"] == step and "loss" in row:
            row["loss"] = math.nan if times is None else row["loss"] * times
            if times is None:
                del row["loss"]

    return v.with_log(files, v.STATES, edit)


def probe(number: int, files: v.Files, stop: int = 1) -> Output:
    name = f"{PROBE}-reading-{number}"
    trial = Trial(name, PROBE, "says", {"data_seed": 3}, span=Span(0, stop))
    return Output(name, (Part(Span(0, stop), read(v.snapshot(files))),), "says", trial)


def contradicted(rerun: float | None, *beginnings: float | None, files: v.Files = BARE) -> set[str]:
    """The numbers of readings that are refuted; each training's first loss is the committed one times a number."""
    made = tuple(probe(number, with_loss(times)) for number, times in enumerate(beginnings, 1))
    outputs = Outputs(v.output(with_loss(rerun)), probes=made)
    return {name.removeprefix("reading-") for name in probes.contradicted(v.run_of(files), outputs)}


@pytest.mark.parametrize(
    ("rerun", "beginnings", "refuted"),
    [
        (1.0, (1.00011,), {"1"}),
        (1.0, (1.00009,), set()),  # less than what four decimals round away
        (1.0, (0.9, 1.0, 1.1), {"1", "3"}),
        (1.000019, (1.1,), {"1"}),
        (1.000021, (1.1,), set()),  # nobody has the committed loss: release or machine may compute otherwise
        (1.1, (1.0, 1.2), {"2"}),
        (1.1, (1.2, 1.3), set()),
        (1.0, (None, 1.1), {"2"}),  # one that logged nothing there is not refuted by it
        (None, (1.0, 1.1), {"2"}),
        (None, (None,), set()),
        (1.0, (), set()),
    ],
)
def test_a_beginning_with_another_loss_is_refuted_where_a_training_has_the_committed_one(
    rerun: float | None, beginnings: tuple[float | None, ...], refuted: set[str]
) -> None:
    assert contradicted(rerun, *beginnings) == refuted


@pytest.mark.parametrize("files", [BARE, v.without(v.committed(), *v.STATES)], ids=["state", "events"])
def test_the_loss_of_that_step_alone_is_asked_for(files: v.Files) -> None:
    """A beginning of two steps whose second loss is what the run logged for the first is refuted."""
    assert contradicted(1.0, 1.1, files=files) == {"1"}
    state = v.run_of(BARE).latest(TrainerState)
    assert state is not None
    losses = dict(state.logged("loss"))
    later = probe(1, with_loss(losses[1] / losses[2], step=2), stop=2)
    outputs = Outputs(v.output(BARE), probes=(later,))
    assert probes.contradicted(v.run_of(files), outputs) == {"reading-1"}


def test_a_run_that_logged_no_loss_there_refutes_nothing() -> None:
    assert contradicted(1.0, 1.1, files=with_loss(None)) == set()


def plan(steps: int, *parts: Span) -> RerunPlan:
    return replace(v.plan_of_fixture(), parts=parts, stop_at=steps, total_steps=steps)


def logged_at(*steps: int) -> v.Files:
    def thin(state: dict[str, Any]) -> None:
        state["log_history"] = [row for row in state["log_history"] if row["step"] in steps]

    files = BARE
    for path in v.STATES:
        files = v.with_json(files, path, thin)
    return files


@pytest.mark.parametrize(
    ("logged", "steps", "stop"),
    [((4,), 16, 4), ((5,), 16, None), ((), 16, None), ((4, 8), 4, None), ((1,), 4, 1)],
)
def test_a_beginning_is_at_most_a_quarter_of_the_steps(
    logged: tuple[int, ...], steps: int, stop: int | None
) -> None:
    found = probes.first_logged(v.run_of(logged_at(*logged)), plan(steps, Span(0, steps)))
    assert found == (None if stop is None else Span(0, stop))


def test_the_last_step_of_a_part_may_be_the_first_that_is_logged() -> None:
    parts = Span(0, 2), Span(9, 18, "checkpoint-9")
    assert probes.first_logged(v.run_of(logged_at(2)), plan(18, *parts)) == Span(0, 2)


def test_only_readings_of_the_order_have_a_beginning() -> None:
    readings = {"reading-1": ORDER, "reading-2": Alternative({"seed": 3}, "seed = 3: told by no file")}
    run = v.run_of(logged_at(1))
    (made,) = probes.probes(run, plan(18, Span(0, 18)), readings)
    assert (made.name, made.role, made.says) == ("probe-reading-1", PROBE, "data_seed = 3")
    assert (dict(made.changes), made.span) == ({"data_seed": 3}, Span(0, 1))
    assert probes.probes(v.run_of(logged_at(9)), plan(18, Span(0, 18)), readings) == ()


def test_a_refuted_reading_is_a_row_that_says_how_far_it_was_trained() -> None:
    row = probes.row(probe(1, BARE))
    assert (row.says, row.to_rerun, row.to_committed, row.verdict) == (
        "says (up to step 1)",
        None,
        None,
        Verdict.DIVERGED,
    )
