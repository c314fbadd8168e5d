"""Runs without training_args.bin, whose event file holds the same arguments: what they explain is read there too."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from auditor.claims import build
from auditor.model import Verdict
from auditor.rerun.judging.attempts import attempted
from auditor.rerun.judging.longer import gone_on
from auditor.rerun.planning import evaluation, extras, spans, splits
from auditor.rerun.planning import plan as planning
from auditor.rerun.planning.given import given
from auditor.rerun.planning.gone_on import batch_before
from auditor.runs import Run
from tests.builders.events import make_events
from tests.builders.repositories import TINY_BASE
from tests.rerun import variants as v
from tests.rerun.test_attempts import generator, plan
from tests.rerun.test_longer import TOTAL, linear
from tests.rerun.test_splits import known
from tests.rerun.test_unsaid import WEIGHTS


def told(arguments: Mapping[str, object], **state: object) -> Run:
    """The fixture whose arguments stand in the event file alone, with other values in its states."""
    files = v.without(v.committed(), *(path for path in v.committed() if path.endswith("training_args.bin")))
    files[v.event_path()] = make_events(texts={"args": [json.dumps(arguments)]})
    for path in v.STATES:
        files = v.with_json(files, path, lambda d: d.update(state))
    return v.run_of(files)


def test_training_args_bin_has_the_word_where_it_is_there() -> None:
    by, values = given(v.run_of(v.committed()))
    assert (by, values["seed"]) == ("training_args.bin#", 42)
    run = told({"seed": 5})
    assert given(run) == (f"{v.event_path()}#args/", {"seed": 5})
    assert given(told({})) == ("", {})


def test_the_weights_that_were_loaded_at_the_end() -> None:
    best = {"best_model_checkpoint": "out/checkpoint-9"}
    assert evaluation.loaded_step(told({"load_best_model_at_end": True}, **best)) == 9
    assert evaluation.loaded_step(told({"load_best_model_at_end": False}, **best)) is None


def test_evaluation_by_epochs() -> None:
    rows = [{"step": 9, "epoch": 0.5, "eval_runtime": 1.0}]
    found = evaluation.passes(told({"eval_strategy": "epoch"}, log_history=rows))["eval_strategy"]
    assert (found.value, found.source, found.assumed) == (
        *("epoch", f"{v.event_path()}#args/eval_strategy", False),
    )


def test_rows_that_were_drawn_again() -> None:
    rows = [{"step": 9, "epoch": 0.5}, {"step": 10, "epoch": 0.1}]
    run = told({"ignore_data_skip": True}, log_history=rows)
    assert spans.restarts(run) == (9,)
    assert spans.restarting(run)["ignore_data_skip"].source == f"{v.event_path()}#args/ignore_data_skip"
    assert spans.restarting(told({}, log_history=rows)) == {}


def test_attempts_that_did_not_fit() -> None:
    asked = {"auto_find_batch_size": True, "per_device_train_batch_size": 4}
    (found,) = attempted([generator(2)], told(asked, train_batch_size=2), plan(0.0))
    assert found.verdict is Verdict.INCONCLUSIVE


def test_a_run_that_was_gone_on_with() -> None:
    assert batch_before(told({"per_device_train_batch_size": 2}, train_batch_size=4)) == 4
    rows = [
        {"step": step, "learning_rate": linear(step, 9 if step <= 7 else TOTAL)}
        for step in range(1, TOTAL + 1)
    ]
    schedule = {"learning_rate": 0.002, "lr_scheduler_type": "linear", "warmup_steps": 2}
    (found,) = gone_on([WEIGHTS], told(schedule, log_history=rows), v.plan_of_fixture())
    assert found.verdict is Verdict.INCONCLUSIVE


def test_kernels_of_another_kind() -> None:
    says = extras.other_kernels(told({"use_liger_kernel": True}))
    assert says is not None
    assert f"Liger's kernels ({v.event_path()}#args/use_liger_kernel)" in says


@pytest.mark.parametrize(("steps", "many"), [(450, 0), (-1, 3)])
def test_steps_that_were_given(steps: int, many: int) -> None:
    assert len(splits.of_run(told({"max_steps": steps}), known(450), 1000)[1]) == many


def test_arguments_that_are_no_claims() -> None:
    """A log whose first row is of step 1 alone has other means in the rows after it."""
    run = told({"logging_first_step": True, "optim_args": "rank=4"})
    made = planning.build(run, build(run), TINY_BASE, v.DATA).settings
    assert {key: (made[key].value, made[key].source) for key in ("logging_first_step", "optim_args")} == {
        "logging_first_step": (True, f"{v.event_path()}#args/logging_first_step"),
        "optim_args": ("rank=4", f"{v.event_path()}#args/optim_args"),
    }


def test_what_a_rerun_does_not_do() -> None:
    arguments: dict[str, Any] = {"deepspeed": "zero3.json", "fsdp": []}
    run = told(arguments)
    says = f"{v.event_path()} sets deepspeed = zero3.json, which the reference training does not do"
    assert says in planning.build(run, build(run), TINY_BASE, v.DATA).obstacles
