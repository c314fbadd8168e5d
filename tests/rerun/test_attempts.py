"""Batches that did not fit: what the attempts drew from the generators accuses nobody, and excuses nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from auditor.model import RerunPlan, Setting, Verdict
from auditor.rerun.judging.attempts import attempted
from auditor.rerun.judging.gaps import Gap
from auditor.rerun.judging.summary import Judged
from auditor.runs import Run
from tests.builders.pickles import make_training_args
from tests.rerun import variants as v
from tests.rerun.test_unsaid import DRAWN, LATER, LOSS, RATE, SCHEDULER, WEIGHTS


def lowered(finds: bool = True, asked: int = 4, ran: int = 3) -> Run:
    """The fixture that asked for batches of another size than ran."""
    values = {"auto_find_batch_size": finds, "per_device_train_batch_size": asked}
    made = make_training_args(values, "transformers.training_args.TrainingArguments")
    files = v.committed()
    files |= {path: made for path in files if path.endswith("training_args.bin")}

    def size(state: dict[str, Any]) -> None:
        state["train_batch_size"] = ran

    for path in v.STATES:
        files = v.with_json(files, path, size)
    return v.run_of(files)


def plan(dropout: float) -> RerunPlan:
    known = v.plan_of_fixture()
    return replace(known, settings={**known.settings, "lora_dropout": Setting(dropout, "a file")})


def generator(more: int) -> Judged:
    gap = Gap("rng", "", "rng_state.pth", "another state", 9, distance=float("inf"), noisy=False, more=more)
    return Judged(gap, Verdict.DIVERGED, "another state", 0.0, None)


def open_ones(run: Run, dropout: float, *gaps: Judged) -> list[bool]:
    return [item.verdict is Verdict.INCONCLUSIVE for item in attempted(gaps, run, plan(dropout))]


def test_a_generator_that_stands_further_is_open() -> None:
    (found,) = attempted([generator(2)], lowered(), plan(0.0))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.why == (
        "another state; but batches of 4 did not fit (checkpoint-18/trainer_state.json#/train_batch_size is 3), and "
        "the attempts drew from the generators before the training began anew"
    )


def test_masks_of_dropout_are_open_where_the_first_loss_agrees() -> None:
    gaps = (WEIGHTS, LATER, DRAWN, RATE, SCHEDULER)
    assert open_ones(lowered(), 0.1, *gaps) == [True, True, True, False, False]
    assert open_ones(lowered(), 0.1, WEIGHTS, LOSS, generator(2)) == [False, False, True]
    assert open_ones(lowered(), 0.0, *gaps) == [False] * 5


def test_masks_are_open_too_where_no_log_has_the_loss_of_step_1() -> None:
    """logging_steps = 10 logs means, which the masks move: no log could show that the first loss agrees."""
    means = replace(LATER, gap=replace(LATER.gap, points=((10, 0.1), (20, 0.1))))
    assert open_ones(lowered(), 0.1, WEIGHTS, means, generator(2)) == [True, True, True]
    assert open_ones(lowered(), 0.1, WEIGHTS) == [True]


def test_proved_gaps_and_earlier_states_stay() -> None:
    assert open_ones(lowered(), 0.1, replace(WEIGHTS, proved=True), LATER, generator(-2)) == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("run", [lowered(finds=False), lowered(ran=4), lowered(ran=8)])
def test_without_such_attempts_nothing_is_open(run: Run) -> None:
    assert open_ones(run, 0.1, WEIGHTS, LATER, generator(2)) == [False] * 3
