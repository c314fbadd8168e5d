"""The times in an event file do not fit the training they log.

Each event carries the time it was written, and `train_runtime` is the time training took (transformers 4.51.3,
trainer_utils.py, `speed_metrics`). Events that go back by minutes, or that span more than the runtime, were put
together from several files or edited.

Wrong when: the machine's clock was set during training.

Fix: publish the event file as it was written.

Bad:
    events: steps 10 to 18 written 500 s earlier

Good:
    # clocks are set
    events: steps 10 to 18 written 30 s earlier
"""

import itertools
from collections.abc import Iterator

from auditor.artifacts.event_log import EventLog
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING

BACK = 60.0
"""Seconds that a clock may be set back."""
SPARE = 60.0
"""Seconds that writing may take beyond the measured runtime, besides 5 %."""


def check(log: EventLog) -> Iterator[Problem]:
    """First the order, then the span of a file with a single attempt."""
    for tag, points in log.scalars.items():
        for before, after in itertools.pairwise(points):
            if after.wall_time < before.wall_time - BACK:
                yield Problem(
                    f"{tag} goes back by {before.wall_time - after.wall_time:,.0f} s after step {before.step:,}",
                    log.at(f"{tag} at step {after.step}"),
                    expected="times that go up",
                    observed=f"-{before.wall_time - after.wall_time:,.0f} s",
                )
                return
    runtime = log.scalars.get("train/train_runtime", ())
    begin = log.first_wall_time
    if len(runtime) != 1 or begin is None or log.attempts > 1:
        return
    span, measured = runtime[0].wall_time - begin, runtime[0].value
    if span > measured * 1.05 + SPARE:
        yield Problem(
            f"the events span {span:,.0f} s, and train_runtime is {measured:,.0f} s",
            log.at("train/train_runtime"),
            expected=f"at most {measured * 1.05 + SPARE:,.0f} s",
            observed=f"{span:,.0f} s",
        )
