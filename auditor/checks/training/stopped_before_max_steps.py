"""Training was told to stop before its last step.

`should_training_stop` is set at `max_steps`, or earlier by early stopping or a callback (transformers 4.51.3,
trainer_callback.py). The published adapter then saw less data than declared.

Wrong when: early stopping was wanted.

Fix: say in the card that and why training ended early.

Bad:
    # should_training_stop is true
    checkpoint-18/trainer_state.json: /max_steps = 54

Good:
    checkpoint-18/trainer_state.json: /max_steps = 54
    checkpoint-18/trainer_state.json: /stateful_callbacks/TrainerControl/args/should_training_stop = false
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Problem, Severity

SEVERITY = Severity.NOTE


def check(state: TrainerState) -> Iterator[Problem]:
    """The flag as TrainerControl saved it."""
    step, limit = state.global_step, state.max_steps
    if state.control.get("should_training_stop") and step is not None and limit is not None and step < limit:
        cause = " by early stopping" if "EarlyStoppingCallback" in state.callbacks else ""
        yield Problem(
            f"training was told to stop{cause} at step {step:,} of {limit:,}",
            state.at("/stateful_callbacks/TrainerControl"),
            expected=str(limit),
            observed=str(step),
        )
