"""total_flos is 0 after training.

The Trainer asks the model for `floating_point_ops` and adds nothing when the wrapper has no such method
(transformers 4.51.3, trainer.py). The number then tells nothing about tokens and parameters, of which it is
evidence otherwise.

Wrong when: it never is; this only explains why the arithmetic of total_flos is missing.

Fix: nothing, or train through the Transformers model class.

Bad:
    checkpoint-18/trainer_state.json: /total_flos = 0

Good:
    # no step was made
    checkpoint-18/trainer_state.json: /total_flos = 0
    checkpoint-18/trainer_state.json: /global_step = 0
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Problem, Severity

SEVERITY = Severity.NOTE


def check(state: TrainerState) -> Iterator[Problem]:
    """Only for a state that made steps."""
    if state.total_flos == 0 and (state.global_step or 0) > 0:
        yield Problem(
            f"total_flos is 0 after {state.global_step:,} steps",
            state.at("/total_flos"),
            expected="6 x tokens x parameters",
            observed="0",
        )
