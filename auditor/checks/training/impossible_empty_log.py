"""log_history is empty although steps were to be logged that the run had passed.

With `logging_strategy` "steps" the Trainer appends a row at every multiple of `logging_steps`, before it saves
(transformers 4.46 to 5.23.0, trainer.py, `_maybe_log_save_evaluate`). A state beyond the first multiple without
any row was not written by that Trainer, or was edited.

Wrong when: a subclass of Trainer overrides `log` and leaves out the history.

Fix: publish the state as the Trainer wrote it.

Bad:
    # a log was due at every step
    checkpoint-18/trainer_state.json: /log_history = []

Good:
    checkpoint-18/trainer_state.json: /log_history = []
    checkpoint-18/training_args.bin: .logging_strategy = "epoch"
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks._wording import counted, plain_number
from auditor.checks.training._due import log_is_missing
from auditor.model import Problem, Severity

SEVERITY = Severity.ERROR


def check(state: TrainerState, received: TrainingArgs) -> Iterator[Problem]:
    """The strategy must be one that arrived; a declared one proves nothing."""
    if log_is_missing(state, received.values):
        yield Problem(
            f"log_history is empty after {counted(state.global_step or 0, 'step')}, and {received.path} logs every "
            f"{counted(int(state.logging_steps or 0), 'step')}",
            state.at("/log_history"),
            expected=f"a row at step {plain_number(state.logging_steps or 0)}",
            observed="[]",
        )
