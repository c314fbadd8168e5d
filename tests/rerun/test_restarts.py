"""Runs that drew an epoch's first rows again when they were resumed: trained as the stretches between."""

from collections.abc import Callable
from typing import Any

import pytest

from auditor.claims import build
from auditor.model import RerunPlan, Setting, Span
from auditor.rerun.child.job import settings_from
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning import spans
from tests.builders.pickles import make_training_args
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v

TOLD = {
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 2,
    "optim": "adamw_torch",
    "max_steps": 18,
}


def resumed_at(step: int, **arguments: object) -> v.Files:
    """The fixture with an epoch that is counted anew after a step, 36 micro-batches long, two a step."""
    files = v.committed()
    made = make_training_args({**TOLD, **arguments}, "transformers.training_args.TrainingArguments")
    files |= {path: made for path in files if path.endswith("training_args.bin")}

    def anew(state: dict[str, Any]) -> None:
        for row in state["log_history"]:
            if row["step"] > step:
                row["epoch"] = (row["step"] - step) / 18

    for path in v.STATES:
        files = v.with_json(files, path, anew)
    return files


def plan(files: v.Files, **more: Any) -> RerunPlan:
    run = v.run_of(files)
    return planning.build(run, build(run), TINY_BASE, v.DATA, **more)


def test_the_stretches_between_are_trained() -> None:
    files = resumed_at(9, ignore_data_skip=True)
    assert spans.restarts(v.run_of(files)) == (9,)
    made = plan(files)
    assert (made.span, made.parts) == ("segments", (Span(0, 9), Span(9, 18, "checkpoint-9")))
    assert made.settings["ignore_data_skip"] == Setting(True, "training_args.bin#ignore_data_skip")
    assert made.coverage["steps"] == 1
    settings = settings_from({key: setting.value for key, setting in made.settings.items()})
    assert settings.ignore_data_skip


@pytest.mark.parametrize(
    "files",
    [
        lambda: resumed_at(9, ignore_data_skip=False),
        lambda: resumed_at(18, ignore_data_skip=True),
        lambda: v.without(resumed_at(9, ignore_data_skip=True), "training_args.bin"),
        v.committed,
    ],
    ids=["flag not set", "never resumed", "an argument that nobody else repeats", "as committed"],
)
def test_other_runs_are_trained_whole(files: Callable[[], v.Files]) -> None:
    made = plan({path: data for path, data in files().items() if not _is_saved_argument(path)})
    assert (made.span, "ignore_data_skip" in made.settings) == ("whole", False)


def _is_saved_argument(path: str) -> bool:
    return path.startswith("checkpoint-") and path.endswith("training_args.bin")


def test_only_the_beginning_is_trained_where_the_checkpoint_holds_no_states() -> None:
    files = v.without(resumed_at(9, ignore_data_skip=True), "checkpoint-9/optimizer.pt")
    made = plan(files)
    assert (made.span, made.parts) == ("prefix", (Span(0, 9),))


def test_an_epoch_that_stands_still_was_counted_anew() -> None:
    """Step 9, whose checkpoint is here, is half an epoch; so is step 10, nine steps into an epoch cut short."""
    files = resumed_at(9, ignore_data_skip=True)

    def stands(state: dict[str, Any]) -> None:
        for row in state["log_history"]:
            if row["step"] == 10:
                row["epoch"] = 0.5
            if row["step"] > 10:
                row["epoch"] = 0.5 + row["step"] / 100

    for path in v.STATES:
        files = v.with_json(files, path, stands)
    assert spans.restarts(v.run_of(files)) == (9,)


def test_a_resume_from_a_checkpoint_that_is_not_here_ends_what_can_be_trained() -> None:
    """After step 4, where no checkpoint was committed, so that nothing here begins as the run went on."""
    made = plan(resumed_at(4, ignore_data_skip=True))
    assert (made.span, made.parts) == ("prefix", (Span(0, 4),))
    short = plan(resumed_at(4, ignore_data_skip=True), span="prefix")
    assert short.parts == (Span(0, 4),)
