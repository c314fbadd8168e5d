"""Runs that were gone on with under more steps or another micro-batch: each stretch is trained as it was made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.claims import build
from auditor.errors import UsageError
from auditor.model import Evidence, RerunPlan, Setting, Span, Status, VersionRange
from auditor.rerun.jobs import Inputs, job
from auditor.rerun.planning import gone_on, resume
from auditor.rerun.planning import plan as planning
from tests.builders.pickles import make_training_args
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

TOLD = {
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 2,
    "optim": "adamw_torch",
    "learning_rate": 1e-3,
}
BATCHES = ("per_device_train_batch_size", 2), ("gradient_accumulation_steps", 1)


def arguments(**values: object) -> bytes:
    return make_training_args({**TOLD, **values}, "transformers.training_args.TrainingArguments")


def run_with(first: Mapping[str, object], total: int = 18) -> v.Files:
    """The fixture whose checkpoint-9 was saved under other arguments, for a schedule of so many steps."""
    files = v.committed()
    files |= {path: arguments() for path in files if path.endswith("training_args.bin")}
    files["checkpoint-9/training_args.bin"] = arguments(**first)

    def counts(state: dict[str, Any]) -> None:
        state["max_steps"] = total

    return v.with_json(files, "checkpoint-9/trainer_state.json", counts)


def plan(files: v.Files, **more: Any) -> RerunPlan:
    run = v.run_of(files)
    return planning.build(run, build(run), TINY_BASE, v.DATA, **more)


def test_more_steps_are_trained_as_two_schedules() -> None:
    made = plan(run_with({}, total=15))
    first = Span(0, 9, changes=(("max_steps", 15),))
    assert (made.span, made.parts) == ("segments", (first, Span(9, 18, "checkpoint-9")))
    assert made.coverage["steps"] == 1
    says = "up to step 9 the run was made with max_steps = 15 (checkpoint-9), and so is the rerun"
    assert says in made.hypotheses
    inputs = Inputs(TINY_BASE, v.DATA, None)
    totals = [job("x", Path("out"), made, inputs, part)["settings"]["max_steps"] for part in made.parts]  # type: ignore[index]
    assert totals == [15, 18]


def test_another_micro_batch_of_as_many_rows_is_trained_as_it_was() -> None:
    made = plan(run_with({"per_device_train_batch_size": 2, "gradient_accumulation_steps": 1}))
    assert [part.changes for part in made.parts] == [BATCHES, ()]


def test_a_copy_of_the_arguments_that_stands_alone_is_no_change() -> None:
    """Every checkpoint has the other copy, so the run had one division throughout; its plan is of that one."""
    files = run_with({})
    files["training_args.bin"] = arguments(per_device_train_batch_size=2, gradient_accumulation_steps=1)
    assert gone_on.before(v.run_of(files)) == {}
    made = plan(files)
    assert (made.span, made.settings[gone_on.BATCH].value) == ("whole", 1)


def kept(files: v.Files) -> v.Files:
    """The files with states that count batches of 2."""
    for path in v.STATES:
        files = v.with_json(files, path, lambda state: state.update(train_batch_size=2))
    return files


def made_by(files: v.Files, low: str | None, high: str | None) -> tuple[Setting, list[bool]]:
    """The micro-batch of a plan for a run of these releases, and for each reading with batches of 2 if it is open."""
    run = v.run_of(files)
    release = Evidence("transformers_version", Status.VERIFIED, "x", value=VersionRange(low, high))
    made = planning.build(run, build(run).with_evidence((release,)), TINY_BASE, v.DATA)
    found = [item.open for item in made.alternatives if dict(item.changes) == {gone_on.BATCH: 2}]
    return made.settings[gone_on.BATCH], found


def test_the_micro_batch_that_a_state_kept_is_not_that_of_the_last_steps() -> None:
    """From transformers 5.2 on resuming takes the argument's; up to 5.1 the state's (trainer.py, `train`)."""
    files = kept(run_with({"per_device_train_batch_size": 2, "gradient_accumulation_steps": 1}))
    asked = Setting(1, "training_args.bin#per_device_train_batch_size")
    assert made_by(files, "5.2.0", None) == (asked, [])
    assert made_by(files, "4.51.3", "5.1.0") == (
        Setting(2, "checkpoint-18/trainer_state.json#/train_batch_size"),
        [],
    )
    assert made_by(files, "5.1.0", "5.2.0") == (asked, [True])
    assert made_by(files, None, None) == (asked, [True])


def test_a_batch_of_before_without_its_checkpoint_is_open_where_releases_resume_with_it() -> None:
    files = kept({**v.committed(), **{path: arguments() for path in v.committed() if path.endswith(".bin")}})
    assert made_by(files, "5.2.0", "5.23.0")[1] == [False]
    asked, found = made_by(files, "4.51.3", "4.51.3")
    assert (asked.value, found) == (1, [True])


@pytest.mark.parametrize(
    "first",
    [
        {},
        {"learning_rate": 2e-3},
        {"gradient_accumulation_steps": 1},
        {"per_device_train_batch_size": 2, "gradient_accumulation_steps": None},
        {"per_device_train_batch_size": -1, "gradient_accumulation_steps": -2},
    ],
    ids=["the same", "another rate", "fewer rows a step", "no number", "negative"],
)
def test_what_is_another_recipe_is_held_against_the_last_one(first: Mapping[str, object]) -> None:
    made = plan(run_with(first))
    assert (made.span, made.parts) == ("whole", (Span(0, 18),))


def test_a_total_that_was_reached_before_the_checkpoint_is_none() -> None:
    assert gone_on.before(v.run_of(run_with({}, total=8))) == {}


def test_no_span_goes_over_the_change() -> None:
    files = run_with({}, total=15)
    with pytest.raises(UsageError, match="gone on with under other settings after step 9"):
        plan(files, span="0..12")
    assert plan(files, span="0..9").parts == (Span(0, 9, changes=(("max_steps", 15),)),)
    assert plan(files, span="prefix").stop_at == 9
    assert plan(files, span="whole").span == "segments"


def test_a_warm_up_that_is_a_share_of_another_total_is_refused() -> None:
    run = v.run_of(run_with({}, total=15))
    share = {"warmup_steps": Setting(2, "training_args.bin#warmup_ratio = 0.1 of 18 steps")}
    (says,) = gone_on.obstacles(run, share)
    assert says.startswith("the schedule had 15 steps before the run was gone on with")
    assert list(gone_on.obstacles(run, {"warmup_steps": Setting(2, "training_args.bin#warmup_steps")})) == []


def test_the_states_tell_the_total_that_they_were_saved_under(tmp_path: Path) -> None:
    run = v.run_of(run_with({}, total=15))
    resume.write(run, Span(9, 18, "checkpoint-9"), tmp_path, plan(run_with({}, total=15)).settings)
    states = json.loads((tmp_path / resume.STATES).read_text("utf-8"))
    assert states["scheduler"]["earlier_total"] == 15
    assert states["state"]["train_batch_size"] == 1


@pytest.mark.rerun
@pytest.mark.parametrize(
    ("name", "expected"),
    [("linear", 1 - 6 / 9), ("cosine", 0.25), ("constant", 1.0)],  # (1 + cos(pi 6/9)) / 2 = 0.25
)
def test_the_first_step_has_the_rate_of_the_earlier_schedule(name: str, expected: float) -> None:
    """The optimizer's own rate is stepped with before the schedule sets the next one (transformers, trainer.py)."""
    import torch
    import transformers

    from auditor.rerun.child.resume import load_schedule

    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = transformers.get_scheduler(name, optimizer, num_warmup_steps=0, num_training_steps=12)
    saved = {"last_epoch": 6, "_step_count": 7, "earlier_total": 9}
    load_schedule(schedule, optimizer, saved, [{"initial_lr": 0.5}])
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5 * expected, rel=1e-12)
    optimizer.step()
    schedule.step()
    later = {"linear": 1 - 7 / 12, "cosine": 0.37059047744873963, "constant": 1.0}[
        name
    ]  # (1 + cos(pi 7/12)) / 2
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5 * later, rel=1e-12)


@pytest.mark.rerun
def test_a_schedule_whose_stretches_were_worked_out_from_the_total_is_not_followed() -> None:
    import torch
    import transformers

    from auditor.rerun.child.job import JobError
    from auditor.rerun.child.resume import load_schedule

    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    more = {"num_decay_steps": 4}
    schedule = transformers.get_scheduler(
        "warmup_stable_decay",
        optimizer,
        num_warmup_steps=0,
        num_training_steps=12,
        scheduler_specific_kwargs=more,
    )
    saved = {"last_epoch": 6, "_step_count": 7, "earlier_total": 9}
    with pytest.raises(JobError, match="raised on resuming"):
        load_schedule(schedule, optimizer, saved, [{"initial_lr": 0.5}])


def test_parts_of_a_plan_know_their_own_changes() -> None:
    run = v.run_of(run_with({}, total=15))
    assert gone_on.marked(run, (Span(0, 6), Span(9, 18, "checkpoint-9"))) == (
        Span(0, 6, changes=(("max_steps", 15),)),
        Span(9, 18, "checkpoint-9"),
    )
