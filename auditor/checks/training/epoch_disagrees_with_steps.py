"""The epoch does not follow from the steps.

A run of E epochs takes `max_steps` steps, so step s lies at epoch s x E / max_steps; when `max_steps` was given
instead, E is the number of epochs it reaches into, and the epoch lies between s x (E - 1) / max_steps and that
(transformers 4.51.3, trainer.py, `set_initial_training_values`). Remainders of micro-batches and two-digit rounding
are allowed for. A row that was logged at the state's own step carries the same epoch (trainer.py, `log`).

Wrong when: a run was resumed with another batch size or amount of data.

Fix: publish the state as the Trainer wrote it.

Bad:
    # step 18 of 18, in one epoch
    checkpoint-18/trainer_state.json: /epoch = 2.0

Good:
    # the row of step 18 may have been rounded to 1.0
    checkpoint-18/trainer_state.json: /epoch = 1.004
"""

import math
from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import plain_number
from auditor.checks.training.events_differ_from_log_history import denied
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

EPOCH_LIMIT = 1_000_000
"""Data without a length counts sys.maxsize epochs."""
ROUNDED = 0.00501
"""Half of the second digit, to which older releases round the epoch of a row (transformers 4.26, trainer.py, `log`)."""
TOLERANCE = 0.02
"""Share of an epoch that a remainder of micro-batches may take, and rounding to two digits."""


def check(state: TrainerState, run: Run | None) -> Iterator[Problem | Skip]:
    """Two bounds on the epoch, each with one step and 2 % to spare; then the row of the same step."""
    step, limit, epochs, epoch = state.global_step, state.max_steps, state.num_train_epochs, state.epoch
    if step is None or not limit or limit < 1 or epochs is None or epoch is None or not math.isfinite(epoch):
        yield Skip("the state records no epoch, no max_steps or no number of epochs")
        return
    if not 1 <= epochs <= EPOCH_LIMIT:
        yield Skip("the number of epochs is not one of a finite dataset")
        return
    high, low = step * epochs / limit, step * (epochs - 1) / limit
    if epochs > 1:
        # A remainder of micro-batches may make a step of its own, of which the number of epochs does not know.
        low = min(low, step / ((limit - 1) // (epochs - 1) + 1))
    spare = max(epochs / limit, TOLERANCE * max(1.0, high), 0.01)
    if not low - spare <= epoch <= high + spare:
        yield Problem(
            f"step {step:,} of {limit:,} lies at epoch {plain_number(high)} of {plain_number(epochs)}, and the state "
            f"says {plain_number(epoch)}",
            state.at("/epoch"),
            expected=plain_number(high),
            observed=plain_number(epoch),
        )
    else:
        yield from _against_row(state, step, epoch, run)


def _against_row(state: TrainerState, step: int, epoch: float, run: Run | None) -> Iterator[Problem | Skip]:
    rows = [value for at, value in state.logged("epoch") if at == step]
    if not rows or any(abs(value - epoch) <= ROUNDED for value in rows):
        return
    if ("train/epoch", step) in denied(run, state):
        yield Skip("the event file has another epoch at that step (events-differ-from-log-history)")
    else:
        yield Problem(
            f"log_history logs step {step:,} at epoch {plain_number(rows[-1])}, and the state says "
            f"{plain_number(epoch)}",
            state.at("/epoch"),
            expected=plain_number(rows[-1]),
            observed=plain_number(epoch),
        )
