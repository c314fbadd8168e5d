"""The reported train_loss is not the mean of the logged losses.

`train_loss` is the sum of all steps' losses by `global_step`, and each logged loss the mean since the row before
(transformers 4.51.3, trainer.py, `_maybe_log_save_evaluate`, `_inner_training_loop`), so the sum of loss x interval
must give train_loss x global_step. A run that was resumed sums from where it began again; every such start is tried.

Wrong when: a trainer logs another loss than it optimises.

Fix: publish log_history and train_loss of one run.
"""

import math
from collections.abc import Iterator, Sequence

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

ROUNDING = 5.1e-5
"""Half of the fourth decimal, to which `log` rounds a loss in releases before 5."""
RTOL = 1e-4
"""float32 sums of losses over many steps."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """Only where the last loss was logged at the last step, so that no step is outside the rows."""
    for state in run.all(TrainerState):
        reported, rows = state.logged("train_loss"), state.logged("loss")
        if len(reported) == 1 and rows and rows[-1][0] == reported[0][0]:
            yield from _judge(state, reported[0], rows)
            return
    yield Skip("no trainer_state.json holds both a train_loss and a loss of its last step")


def _judge(
    state: TrainerState, reported: tuple[int, float], rows: Sequence[tuple[int, float]]
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
    total, wanted = 0.0, mean * steps
    for number in range(len(parts) - 1, -1, -1):
        total += parts[number]
        slack = ROUNDING * sum(intervals[number:]) + RTOL * abs(wanted)
        if abs(total - wanted) <= slack:
            return
    yield Problem(
        f"train_loss is {mean:.6g}, and the {len(rows):,} logged losses average {total / steps:.6g}",
        state.at("/log_history"),
        expected=f"{total / steps:.6g}",
        observed=f"{mean:.6g}",
    )
