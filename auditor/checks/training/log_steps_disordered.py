"""The rows of log_history are not in the order of training.

The Trainer appends one row after another (transformers 4.46 to 5.23.0, trainer.py, `log`): steps never go down,
and none lies beyond `global_step`. A resumed run begins with the checkpoint's rows and keeps the order.

Wrong when: a callback appends rows of its own with other step numbers.

Fix: publish the state as the Trainer wrote it.

Bad:
    # the fifth row; the sixth is of step 6
    checkpoint-18/trainer_state.json: /log_history/4/step = 7

Good:
    # two rows of one step
    checkpoint-18/trainer_state.json: /log_history/4/step = 4
"""

from collections.abc import Iterator, Sequence

from auditor.artifacts._fields import is_number
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks.training.events_differ_from_log_history import denied
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.ERROR

EPOCH_SLACK = 0.02
"""Older releases round the epoch to two digits."""
TRAINER_METRICS = frozenset(
    {"loss", "eval_loss", "train_loss", "learning_rate", "grad_norm", "train_runtime"}
)
ENDLESS = 2**31
"""A streamed dataset has no length: num_train_epochs is then sys.maxsize and a resumed run counts from 0 (transformers
4.26, trainer.py, `_inner_training_loop`)."""


def check(state: TrainerState, received: TrainingArgs | None, run: Run | None) -> Iterator[Problem | Skip]:
    """One finding: a row that goes back, one beyond the end, one without its step, an epoch that goes back."""
    found = next(_backward(state, "step", 0.0), None) or _beyond(state) or next(_unplaced(state), None)
    if found is not None:
        yield found
        return
    if (state.num_train_epochs or 0) >= ENDLESS or _resumed_with_other_batches(state, received):
        return
    # A run resumed with other batches counts its epochs anew.
    for item in list(_backward(state, "epoch", EPOCH_SLACK, Severity.WARNING))[:1]:
        rows = [state.log_history[row].get("step") for row in rows_of(item)]
        if not {("train/epoch", step) for step in rows if is_number(step)}.isdisjoint(denied(run, state)):
            yield Skip("the event file has another epoch at that step (events-differ-from-log-history)")
        else:
            yield item


def rows_of(item: Problem) -> tuple[int, ...]:
    """The row that a finding of this rule points at, and the one before, which may be the odd one of the two."""
    number = int((item.at.member or "").split("/")[2])
    return (number - 1, number) if number else (number,)


def _resumed_with_other_batches(state: TrainerState, received: TrainingArgs | None) -> bool:
    """`batch-size-differs-from-arguments` names that cause; the epoch that goes back is its effect."""
    asked = received.number("per_device_train_batch_size") if received else None
    return asked is not None and state.train_batch_size is not None and asked != state.train_batch_size


def _backward(
    state: TrainerState, key: str, slack: float, severity: Severity | None = None
) -> Iterator[Problem]:
    if _is_sorted(state.column(key)):
        return
    before: float | None = None
    for number, value in enumerate(state.column(key)):
        if not is_number(value):
            continue
        if before is not None and value < before - slack:
            yield Problem(
                f"log_history goes back from {key} {before:g} to {value:g}",
                state.at(f"/log_history/{number}/{key}"),
                expected=f"{before:g} or more",
                observed=f"{value:g}",
                severity=severity,
            )
        before = float(value)


def _is_sorted(values: Sequence[object]) -> bool:
    """Whether values are in order, without a look at each; False also where they cannot be compared."""
    given = [value for value in values if value is not None]
    try:
        return given == sorted(given)  # type: ignore[type-var]
    except TypeError:
        return False


def _unplaced(state: TrainerState) -> Iterator[Problem]:
    """`log` gives each row its step, and its epoch while training (98 of 99 public states have both in all rows).

    A row that holds none of the Trainer's own metrics was appended by a callback, which may leave either out. Only the
    last row is looked at: earlier ones are held against the other copies of the state.
    """
    number = len(state.log_history) - 1
    for key in ("step", "epoch"):
        if number < 0 or is_number(state.log_history[-1].get(key)):
            continue
        given = any(map(is_number, state.column(key)))
        if given and not TRAINER_METRICS.isdisjoint(state.log_history[-1]):
            yield Problem(
                f"row {number} of log_history has no {key}",
                state.at(f"/log_history/{number}"),
                expected=f"a {key}, as the other rows have",
                observed="none",
                severity=Severity.WARNING,
            )


def _beyond(state: TrainerState) -> Problem | None:
    if state.global_step is None:
        return None
    for number, step in enumerate(state.column("step")):
        if type(step) is int and step <= state.global_step:
            continue
        if is_number(step) and step > state.global_step:
            return Problem(
                f"log_history has a row of step {step:g}, and the state is of step {state.global_step}",
                state.at(f"/log_history/{number}/step"),
                expected=f"at most {state.global_step}",
                observed=f"{step:g}",
            )
    return None
