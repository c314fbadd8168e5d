"""Runs in which nothing was learned."""

from auditor.artifacts.trainer_state import TrainerState
from auditor.runs import Run

ENOUGH = 3
"""Rows that make a pattern."""


def zero_throughout(run: Run) -> tuple[TrainerState, int] | None:
    """The state with the longest history and its number of rows, when loss and gradient are zero in all of them."""
    state = max(run.all(TrainerState), key=lambda item: len(item.log_history), default=None)
    rows = (
        [row for row in state.log_history if "loss" in row and "grad_norm" in row]
        if state is not None
        else []
    )
    dead = len(rows) >= ENOUGH and all(row["loss"] == 0 and row["grad_norm"] == 0 for row in rows)
    return (state, len(rows)) if state is not None and dead else None
