"""The speed or the work logged at the end of training does not follow from its time and its steps.

`train_steps_per_second` is a number of steps by `train_runtime`, rounded to three digits, and `total_flos` of the same
row is the state's (transformers 4.51.3 and 5.23.0, trainer_utils.py, `speed_metrics`; trainer.py,
`_inner_training_loop`). The steps are `max_steps`, in release 5 those that were made since training began or was
resumed (measured: after early stopping and after a resume): at a checkpoint that is there, a multiple of `save_steps`,
an epoch's end, or where `train_loss` is the mean of the logged losses since then. Numbers that give none of these were
edited, or the row is of another run.

Wrong when: a trainer logs speeds of its own under these names.

Fix: publish the state as the Trainer wrote it.

Bad:
    trainer_state.json: /log_history/18/train_runtime = 5.05
    events: removed

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator, Mapping
from itertools import chain, pairwise

from auditor.artifacts._fields import is_number
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import plain_number
from auditor.checks.training.events_differ_from_log_history import denied
from auditor.compare.speed import made_and_slack, steps_by_speed
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_JUDGED = ("train_runtime", "train_steps_per_second", "total_flos")
MOST = 1_000
"""Checkpoints from which a run may have been resumed, tried for each interval."""


def check(state: TrainerState, run: Run | None) -> Iterator[Problem | Skip]:
    """The last row that ends a training; one finding."""
    rows = state.log_history if "train_runtime" in state.row_keys else ()
    ends = [(at, row) for at, row in enumerate(rows) if is_number(row.get("train_runtime"))]
    if not ends:
        yield Skip(f"{state.path} logs no end of training")
        return
    at, row = ends[-1]
    found = _speed(state, at, row, run) or _flos(state, at, row)
    told = denied(run, state) if found is not None else frozenset()
    if any((f"train/{key}", row.get("step")) in told for key in _JUDGED):
        yield Skip("the event file has other numbers in that row (events-differ-from-log-history)")
    elif found is not None:
        yield found


def _speed(state: TrainerState, at: int, row: Mapping[str, object], run: Run | None) -> Problem | None:
    steps, counted = state.max_steps, made_and_slack(row)
    if counted is None or not steps or steps < 1:
        return None
    made, slack = counted[0], counted[1] + 1e-6 * steps
    candidates = chain(_counts(state, row.get("step")), _since_checkpoints(state, row.get("step"), run))
    if any(abs(made - candidate) <= slack for candidate in candidates) or _is_mean_since(state, row):
        return None
    values = [row[key] for key in ("train_steps_per_second", "train_runtime")]
    speed, runtime = (plain_number(value) for value in values if is_number(value))
    return Problem(
        f"{speed} steps a second in {runtime} s are {plain_number(made)} steps, and max_steps is {steps:,}",
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


def _since_checkpoints(state: TrainerState, step: object, run: Run | None) -> Iterator[int]:
    """Steps since each checkpoint that is there, such as the end of a shorter training that was gone on with."""
    for end in {state.max_steps or 0, step}:
        for folder in run.checkpoints if run is not None and isinstance(end, int) else ():
            if folder.step and isinstance(end, int) and folder.step < end:
                yield end - folder.step


def _is_mean_since(state: TrainerState, row: Mapping[str, object]) -> bool:
    """Whether `train_loss` is the mean of the logged losses of as many steps as the speed counts."""
    steps, end, mean = steps_by_speed(row), row.get("step"), row.get("train_loss")
    rows = state.logged("loss")
    if steps is None or not isinstance(end, int) or not is_number(mean) or not rows or rows[-1][0] != end:
        return False
    before, total = end - steps, 0.0
    if before not in {at for at, _ in rows}:
        return False
    for (first, _), (last, loss) in pairwise(rows):
        total += (last - first) * loss if first >= before else 0.0
    return abs(total / steps - mean) <= 5.1e-5 + 1e-4 * abs(mean)


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
