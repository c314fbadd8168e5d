"""Batches that did not fit: what the attempts drew from the generators accuses nobody, and excuses nothing else."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from auditor.model import RerunPlan, Setting, Verdict
from auditor.rerun.judging.attempts import attempted
from auditor.rerun.judging.gaps import Gap, Pair
from auditor.rerun.judging.states_gap import optimizer_gap
from auditor.rerun.judging.summary import Judged
from auditor.runs import Run
from tests.builders.events import make_events
from tests.builders.pickles import make_optimizer, make_training_args
from tests.rerun import variants as v
from tests.rerun.test_unsaid import DRAWN, LATER, LOSS, RATE, SCHEDULER, WEIGHTS


def lowered(finds: bool = True, asked: int = 4, ran: int = 3, more: Mapping[str, bytes] | None = None) -> Run:
    """The fixture that asked for batches of another size than ran, with other files besides."""
    values = {"auto_find_batch_size": finds, "per_device_train_batch_size": asked}
    made = make_training_args(values, "transformers.training_args.TrainingArguments")
    files = v.committed()
    files |= {path: made for path in files if path.endswith("training_args.bin")} | dict(more or {})

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


@pytest.mark.parametrize("aspect", ["flops", "tokens"])
@pytest.mark.parametrize(("ratio", "expected"), [(1.1, True), (0.9, False), (None, False)])
def test_counts_of_what_the_attempts_saw_are_open(aspect: str, ratio: float | None, expected: bool) -> None:
    """The Trainer's flops since its last log, and TRL's tokens, are not set back (trainer.py, ``current_flos``)."""
    gap = Gap(
        aspect, "", "trainer_state.json", "other counts", 9, distance=math.inf, noisy=False, ratio=ratio
    )
    more = Judged(gap, Verdict.DIVERGED, "other counts", 0.0, None)
    assert open_ones(lowered(), 0.0, more) == [expected]
    assert open_ones(lowered(ran=4), 0.0, more) == [False]


def test_proved_gaps_and_earlier_states_stay() -> None:
    assert open_ones(lowered(), 0.1, replace(WEIGHTS, proved=True), LATER, generator(-2)) == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("run", [lowered(finds=False), lowered(ran=4), lowered(ran=8)])
def test_without_such_attempts_nothing_is_open(run: Run) -> None:
    assert open_ones(run, 0.1, WEIGHTS, LATER, generator(2)) == [False] * 3


def counting(at_9: float, at_18: float) -> dict[str, bytes]:
    """Optimizers that count so many updates of every parameter."""
    return {
        path: make_optimizer([(8, 4), (4, 8)], step=step)
        for path, step in zip(v.OPTIMIZERS, (at_9, at_18), strict=True)
    }


UPDATES = Judged(
    Gap("optimizer", "", "optimizer.pt", "updated 22 times", 18, distance=float("inf"), more=4),
    *(Verdict.DIVERGED, "updated 22 times", 0.0, None),
)
OTHER_KIND = replace(UPDATES, gap=replace(UPDATES.gap, more=None))


def test_updates_that_an_attempt_left_are_open_with_all_that_follows_from_them() -> None:
    """Measured: 24 updates in 20 steps (transformers 4.51.3), 13 in 8 (5.23.0): nothing begins anew."""
    run = lowered(more=counting(13, 22))
    gaps = (WEIGHTS, LOSS, UPDATES, generator(2), OTHER_KIND, RATE, SCHEDULER)
    assert open_ones(run, 0.0, *gaps) == [True, True, True, True, False, False, False]
    (found,) = attempted([UPDATES], run, plan(0.0))
    assert found.why == (
        "updated 22 times; but batches of 4 did not fit (checkpoint-18/trainer_state.json#/train_batch_size is 3), and "
        "the attempts drew from the generators before the training began anew; "
        "checkpoint-9/optimizer.pt counts 4 updates more than steps, which the attempts made and nothing undid"
    )


@pytest.mark.parametrize("counts", [(9, 18), (9, 22), (13, 21), (5, 14), (math.inf, math.inf)])
def test_other_counts_of_updates_are_no_attempt(counts: tuple[float, float]) -> None:
    run = lowered(more=counting(*counts))
    assert open_ones(run, 0.0, WEIGHTS, LOSS, UPDATES) == [False] * 3


@pytest.mark.parametrize(
    ("steps", "expected"), [((1, 2, 3, 1, 2), True), ((1, 2, 3, 4, 5), False), ((1, 1, 2, 3, 4), False)]
)
def test_an_event_file_tells_the_updates_of_an_attempt_too(steps: tuple[int, ...], expected: bool) -> None:
    """Logged at steps 1 to 3, and then from 1 on again. A step that is logged twice is a row of another kind."""
    losses = {"train/loss": [(step, 2.0) for step in steps]}
    alone = lowered(more={v.event_path(): make_events(losses), **dict.fromkeys(v.OPTIMIZERS, b"")})
    assert open_ones(alone, 0.0, WEIGHTS, LOSS) == [expected] * 2
    counted = lowered(more={v.event_path(): make_events(losses), **counting(9, 18)})
    assert open_ones(counted, 0.0, WEIGHTS, LOSS) == [False] * 2


def test_more_updates_are_told_by_their_number() -> None:
    theirs, ours = (v.run_of({**v.committed(), **counting(9, step)}) for step in (22, 18))
    pair = Pair("", 18, theirs.checkpoints[-1], ours.checkpoints[-1], theirs.contents)
    found = optimizer_gap(pair)
    assert found is not None
    assert (found.more, found.distance) == (4, math.inf)
