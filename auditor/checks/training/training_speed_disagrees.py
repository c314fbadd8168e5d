"""The speed or the work logged at the end of training does not follow from its time and its steps.

`train_steps_per_second` is a number of steps by `train_runtime`, rounded to three digits, and `total_flos` of the same
row is the state's (transformers 4.51.3 and 5.23.0, trainer_utils.py, `speed_metrics`; trainer.py,
`_inner_training_loop`). The steps are `max_steps`, in release 5 those that were made since training began or was
resumed (measured: after early stopping and after a resume). Numbers that give none of these were edited, or the row is
of another run.

Wrong when: a trainer logs speeds of its own under these names.

Fix: publish the state as the Trainer wrote it.

Bad:
    trainer_state.json: /log_history/18/train_runtime = 5.05
    events: removed

Good:
    # as the trainer wrote it
"""

import math
from collections.abc import Iterator, Mapping

from auditor.artifacts._fields import is_number
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import plain_number
from auditor.checks.training.events_differ_from_log_history import denied
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_JUDGED = ("train_runtime", "train_steps_per_second", "total_flos")
MOST = 1_000
"""Checkpoints from which a run may have been resumed, tried for each interval."""
ROUNDED, RUNTIME_ROUNDED = 5.1e-4, 5.1e-5
"""Half of the last digit that `speed_metrics` keeps of a speed and of the runtime in seconds."""


def check(state: TrainerState, run: Run | None) -> Iterator[Problem | Skip]:
    """The last row that ends a training; one finding."""
    rows = state.log_history if "train_runtime" in state.row_keys else ()
    ends = [(at, row) for at, row in enumerate(rows) if is_number(row.get("train_runtime"))]
    if not ends:
        yield Skip(f"{state.path} logs no end of training")
        return
    at, row = ends[-1]
    found = _speed(state, at, row) or _flos(state, at, row)
    told = denied(run, state) if found is not None else frozenset()
    if any((f"train/{key}", row.get("step")) in told for key in _JUDGED):
        yield Skip("the event file has other numbers in that row (events-differ-from-log-history)")
    elif found is not None:
        yield found


def _speed(state: TrainerState, at: int, row: Mapping[str, object]) -> Problem | None:
    runtime, speed, steps = row["train_runtime"], row.get("train_steps_per_second"), state.max_steps
    if not is_number(runtime) or not is_number(speed) or not steps or steps < 1 or not speed > 0:
        return None
    if not math.isfinite(runtime) or not math.isfinite(speed):
        return None
    made, slack = speed * runtime, ROUNDED * runtime + RUNTIME_ROUNDED * speed + 1e-6 * steps
    if any(abs(made - candidate) <= slack for candidate in _counts(state, row.get("step"))):
        return None
    return Problem(
        f"{plain_number(speed)} steps a second in {plain_number(runtime)} s are {plain_number(made)} steps, "
        f"and max_steps is {steps:,}",
        state.at(f"/log_history/{at}/train_steps_per_second"),
        expected=str(steps),
        observed=plain_number(made),
    )


def _counts(state: TrainerState, step: object) -> Iterator[int]:
    """All steps, those up to the row, and those since each checkpoint that may have been resumed."""
    steps = state.max_steps or 0
    ends = {steps, step} if isinstance(step, int) else {steps}
    yield from ends
    periods = [state.save_steps, steps // state.num_train_epochs if state.num_train_epochs else None]
    for period in periods:
        if isinstance(period, int) and period > 0:
            yield from (
                end - saved for end in ends for saved in range(period, min(end, period * MOST), period)
            )


def _flos(state: TrainerState, at: int, row: Mapping[str, object]) -> Problem | None:
    flos = row.get("total_flos")
    if not is_number(flos) or state.total_flos is None or row.get("step") != state.global_step:
        return None
    if flos == state.total_flos:
        return None
    return Problem(
        f"the last row counts {plain_number(flos)} flos, and the state {plain_number(state.total_flos)}",
        state.at(f"/log_history/{at}/total_flos"),
        expected=plain_number(state.total_flos),
        observed=plain_number(flos),
    )
