"""Training began several times in one event file.

The Trainer logs its arguments whenever training begins (transformers 4.51.3, integrations/integration_utils.py),
and each attempt of `auto_find_batch_size` begins it anew. Measured: for 4 -> 2 -> 1 there are three such texts.
Model, optimizer and random generators are not reset between the attempts.

Wrong when: `train` was called several times on purpose.

Fix: train again with the batch size that fits and `auto_find_batch_size` false.

Bad:
    events: begun 3 times

Good:
    events: begun once
"""

from collections.abc import Iterator

from auditor.artifacts.event_log import EventLog
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(log: EventLog) -> Iterator[Problem]:
    """Count the texts."""
    if log.attempts > 1:
        found = log.args().get("auto_find_batch_size") is True
        cause = (
            "auto_find_batch_size is on" if found else "auto_find_batch_size is off: train() was called again"
        )
        yield Problem(
            f"training began {log.attempts} times in one event file",
            log.at("args/text_summary"),
            expected="1",
            observed=str(log.attempts),
            evidence=(cause,) if log.args() else (),
        )
