"""The run logged into several event files.

A resumed run opens a new event file, and so does an evaluation after training (transformers 4.51.3,
integrations/integration_utils.py, `TensorBoardCallback`). Curves have to be put together from all of them, and
their order is that of the times in their names.

Wrong when: they belong to separate runs on purpose.

Fix: say in the card which file is of which part of the training.

Bad:
    runs/first/events.out.tfevents.1768460000.tiny-trainer.1.0: = copy of events

Good:
    # an aborted start
    runs/first/events.out.tfevents.1768460000.tiny-trainer.1.0: = copy of events
    runs/first/events.out.tfevents.1768460000.tiny-trainer.1.0: no scalars
"""

from collections.abc import Iterator

from auditor.checks._received import logs_with_scalars
from auditor.checks._wording import counted
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.NOTE


def check(run: Run) -> Iterator[Problem | Skip]:
    """Files without training scalars are aborted starts and do not count."""
    if not run.events:
        yield Skip("no event file of the run was read")
        return
    logs = logs_with_scalars(run)
    if len(logs) > 1:
        spans = [_span([p.step for points in log.scalars.values() for p in points]) for log in logs]
        yield Problem(
            f"the run logged into {counted(len(logs), 'event file')}",
            logs[0].at(),
            observed="; ".join(f"{log.path}: {span}" for log, span in zip(logs, spans, strict=True)),
        )


def _span(steps: list[int]) -> str:
    return f"steps {min(steps):,} to {max(steps):,}"
