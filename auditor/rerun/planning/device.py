"""The kind of machine that made a run, by the generators it saved."""

from auditor.artifacts.rng_state import RngState
from auditor.runs import Run


def trained_on(run: Run) -> str | None:
    """``cuda`` or ``cpu``; None when no generator state was read."""
    states = run.all(RngState)
    if not states:
        return None
    return "cuda" if any(state.cuda for state in states) else "cpu"
