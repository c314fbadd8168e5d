"""Which logs a run must have made."""

from collections.abc import Mapping

from auditor.artifacts.trainer_state import TrainerState


def log_is_missing(state: TrainerState, received: Mapping[str, object]) -> bool:
    """Whether a log by steps was due and is not there."""
    interval, steps = state.logging_steps, state.global_step
    if state.log_history or interval is None or steps is None or not isinstance(interval, int):
        return False
    return received.get("logging_strategy") == "steps" and 1 <= interval <= steps
