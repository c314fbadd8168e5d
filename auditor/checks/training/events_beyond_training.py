"""The event file logs steps that the run never made.

Event file and trainer_state.json count the same `global_step` (transformers 4.51.3,
integrations/integration_utils.py). Scalars beyond `max_steps`, or beyond the last step of a finished run, are of
another run.

Wrong when: the run's length was changed when it was resumed. With several event files nothing is judged.

Fix: publish the event file of the run that made the model.

Bad:
    # the run has 18 steps
    events: train/loss at 19 = 5.9

Good:
    # an evaluation after the end
    events: eval/loss at 19 = 5.9
"""

from collections.abc import Iterator, Sequence

from auditor.artifacts.event_log import EventLog
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._received import TRAIN, logs_with_scalars
from auditor.checks.training.events_differ_from_log_history import denied
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.ERROR


def check(run: Run) -> Iterator[Problem | Skip]:
    """Compare the last training scalar with the run's end, and with the last row of log_history."""
    logs, states = logs_with_scalars(run), run.all(TrainerState)
    if len(logs) != 1 or not states:
        yield Skip("the run has not exactly one event file with scalars and a trainer_state.json")
        return
    last = max(p.step for tag, points in logs[0].scalars.items() if tag.startswith(TRAIN) for p in points)
    ends = [state.max_steps for state in states if state.max_steps is not None and state.max_steps > 0]
    logged = max((step for state in states for step in _steps(state)), default=0)
    if ends and last > max(ends) and _is_one_moved(run, max(ends), logs[0], states):
        yield Skip("one number of the event file stands at another step (events-differ-from-log-history)")
    elif ends and last > max(ends):
        yield Problem(
            f"the event file logs step {last:,}, and the run has {max(ends):,} steps",
            logs[0].at(f"step {last}"),
            expected=f"at most {max(ends)}",
            observed=str(last),
        )
    elif last < logged:
        yield Problem(
            f"the event file ends at step {last:,}, and log_history has a loss at step {logged:,}",
            logs[0].at(f"step {last}"),
            expected=str(logged),
            observed=str(last),
            severity=Severity.WARNING,
        )


def _steps(state: TrainerState) -> Iterator[int]:
    """Steps with a loss; a row beyond the state's own step is out of order (log-steps-disordered)."""
    yield from (
        step for step, _ in state.logged("loss") if state.global_step is None or step <= state.global_step
    )


def _is_one_moved(run: Run, end: int, log: EventLog, states: Sequence[TrainerState]) -> bool:
    """Whether a single number lies beyond the end, and the same series lacks one that log_history has before it."""
    beyond = [
        tag
        for tag, points in log.scalars.items()
        for point in points
        if tag.startswith(TRAIN) and point.step > end
    ]
    return len(beyond) == 1 and any(
        tag == beyond[0] and step <= end for state in states for tag, step in denied(run, state)
    )
