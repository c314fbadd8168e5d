"""The state counts more steps than the run was to make.

`global_step` stops at `max_steps` (transformers 4.46 to 5.23.0, trainer_callback.py, `DefaultFlowCallback`), so a
larger one means that the two numbers come from different runs or were edited.

Wrong when: training was resumed with fewer steps than it had already made.

Fix: publish the state as the Trainer wrote it.

Bad:
    checkpoint-18/trainer_state.json: /max_steps = 17

Good:
    # no limit was given
    checkpoint-18/trainer_state.json: /max_steps = -1
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(state: TrainerState) -> Iterator[Problem]:
    """A max_steps of zero or less says nothing."""
    step, limit = state.global_step, state.max_steps
    if step is not None and limit is not None and step > limit > 0:
        yield Problem(
            f"global_step is {step:,} of {limit:,}",
            state.at("/global_step"),
            expected=f"at most {limit}",
            observed=str(step),
        )
