"""The reported train_loss is not the mean of the logged losses.

`train_loss` is the sum of all steps' losses by `global_step`, and each logged loss the mean since the row
before (transformers 4.51.3, trainer.py, `_maybe_log_save_evaluate`, `_inner_training_loop`), so the sum of
loss x interval must give train_loss x global_step. A run that was resumed sums from where it began again,
and release 5 also divides by the steps since then (5.23.0, trainer.py, `_finalize_training`); every row, checkpoint
and saved step is tried as the start, and the one that `train_steps_per_second` counts from.

Wrong when: a trainer logs another loss than it optimises.

Fix: publish log_history and train_loss of one run.

Bad:
    # the 18 losses average 6.184309
    trainer_state.json: /log_history/18/train_loss = 4.0
    events: removed

Good:
    # rounded to four digits
    trainer_state.json: /log_history/18/train_loss = 6.1843
"""

import math
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks.training.events_differ_from_log_history import denied
from auditor.compare.speed import steps_by_speed
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

ROUNDING = 5.1e-5
"""Half of the fourth decimal, to which `log` rounds a loss in releases before 5."""
RTOL = 1e-4
"""float32 sums of losses over many steps."""
MOST = 16
"""Saved steps tried between two rows: with more of them some would fit any mean."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """Only where the last loss was logged at the last step, so that no step is outside the rows."""
    for state in run.all(TrainerState):
        reported, rows = state.logged("train_loss"), state.logged("loss")
        if len(reported) == 1 and rows and rows[-1][0] == reported[0][0]:
            starts = _starts(run, state, reported[0][0])
            found = list(_judge(state, reported[0], rows, starts))
            yield from [_TOLD] if found and _is_told(run, state, reported[0], rows, starts) else found
            return
    yield Skip("no trainer_state.json holds both a train_loss and a loss of its last step")


_TOLD = Skip("the other copies of the rows, or the event file, have numbers that give this mean")


def _starts(run: Run, state: TrainerState, last: int) -> frozenset[int]:
    """Steps that training began again at: those of the checkpoints that are there, and what the speed tells."""
    ends = [row for row in state.log_history if row.get("step") == last and "train_runtime" in row]
    counted = steps_by_speed(ends[-1]) if ends else None
    kept = {folder.step for folder in run.checkpoints if folder.step}
    return frozenset(kept if counted is None else {*kept, last - counted})


def _is_told(
    run: Run,
    state: TrainerState,
    reported: tuple[int, float],
    rows: Sequence[tuple[int, float]],
    starts: AbstractSet[int],
) -> bool:
    """Whether the mean fits what the last checkpoint or the event file has otherwise, each a finding of its own."""
    last = run.last.one(TrainerState) if run.last else None
    if last is not None and last is not state and last.global_step is not None:
        kept = [*last.logged("loss"), *(row for row in rows if row[0] > last.global_step)]
        if (
            kept != [*rows]
            and kept[-1:]
            and kept[-1][0] == reported[0]
            and not any(_judge(state, reported, kept, starts))
        ):
            return True
    means = [point for log in run.events for point in log.scalars.get("train/train_loss", ())]
    return ("train/train_loss", reported[0]) in denied(run, state) and any(
        not any(_judge(state, (point.step, point.value), rows, starts)) for point in means
    )


def _judge(
    state: TrainerState,
    reported: tuple[int, float],
    rows: Sequence[tuple[int, float]],
    starts: AbstractSet[int] = frozenset(),
) -> Iterator[Problem]:
    steps, mean = reported
    intervals = [now - before for (before, _), (now, _) in zip(((0, 0.0), *rows), rows, strict=False)]
    if (
        steps < 1
        or any(i < 1 for i in intervals)
        or not all(math.isfinite(v) for v in (mean, *(v for _, v in rows)))
    ):
        return
    parts = [interval * value for interval, (_, value) in zip(intervals, rows, strict=True)]
    total, made = 0.0, 0
    for number in range(len(parts) - 1, -1, -1):
        row, value = rows[number]
        before = row - intervals[number]
        within = [row - start for start in starts if before < start < row]
        for own in (intervals[number], *within, *_resumed_within(state, before, row)):
            known = row - own in starts or _is_saved(state, row - own)
            divisors = {steps, made + own} if known else {steps}
            if _explains(total + own * value, made + own, divisors, mean):
                return
        total, made = total + parts[number], made + intervals[number]
    yield Problem(
        f"train_loss is {mean:.6g}, and the {len(rows):,} logged losses average {total / steps:.6g}",
        state.at("/log_history"),
        expected=f"{total / steps:.6g}",
        observed=f"{mean:.6g}",
    )


def _explains(total: float, made: int, divisors: set[int], mean: float) -> bool:
    """Whether a sum over the last ``made`` steps gives the mean by one of the divisors."""
    slack = ROUNDING * made
    return any(abs(total - mean * n) <= slack + RTOL * abs(mean * n) for n in divisors)


def _is_saved(state: TrainerState, step: int) -> bool:
    """Whether a checkpoint may have been saved at a step; any other start would excuse almost any mean."""
    return any(step % period == 0 for period in _periods(state))


def _resumed_within(state: TrainerState, before: int, row: int) -> Iterator[int]:
    """Steps from a checkpoint between two rows to the later one: the first row after resuming averages only those."""
    for period in _periods(state):
        first = (before // period + 1) * period
        yield from (row - saved for saved in range(first, min(row, first + MOST * period), period))


def _periods(state: TrainerState) -> Iterator[int]:
    """Steps between two checkpoints: `save_steps`, and those of one epoch."""
    epochs, steps = state.num_train_epochs, state.max_steps
    if isinstance(state.save_steps, int) and state.save_steps > 0:
        yield state.save_steps
    if isinstance(epochs, int) and epochs > 0 and steps is not None and steps >= epochs:
        yield steps // epochs
