"""The times in an event file do not fit the training they log.

Each event carries the time it was written, in the order of the file, whose name carries the second in which it was
opened (tensorboard, summary/writer/event_file_writer.py); `train_runtime` is the time training took (transformers
4.51.3, trainer_utils.py, `speed_metrics`). Events that go back by minutes, that begin before or long after the file
was opened, or that span more than the runtime, were put together from several files or edited.

Wrong when: the machine's clock was set during training, or the file was renamed.

Fix: publish the event file as it was written.

Bad:
    events: steps 10 to 18 written 500 s earlier

Good:
    # clocks are set
    events: steps 10 to 18 written 30 s earlier
"""

import math
from collections.abc import Iterator

from auditor.artifacts.event_log import EventLog
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING

BACK = 60.0
"""Seconds that a clock may be set back."""
SPARE = 60.0
"""Seconds that writing may take beyond the measured runtime, besides 5 %, and opening a file before its first event."""


def check(log: EventLog) -> Iterator[Problem]:
    """One finding: the order, then the beginning, then the span of a file with a single attempt."""
    found = _backward(log) or _beginning(log) or _span(log)
    if found is not None:
        yield found


def _backward(log: EventLog) -> Problem | None:
    if log.went_back is None or log.went_back[1] <= BACK:
        return None
    record, seconds = log.went_back
    return Problem(
        f"record {record} was written {seconds:,.0f} s before the one before it",
        log.at(f"record {record}"),
        expected="times that go up",
        observed=f"-{seconds:,.0f} s",
    )


def _beginning(log: EventLog) -> Problem | None:
    """The first event is written when the file is opened; names of other writers hold another number."""
    begin, named = log.first_wall_time, log.file_epoch
    if begin is None or named is None or not math.isfinite(begin) or log.writer == "unknown":
        return None
    gap = begin - named
    # tensorboardX truncates, tensorboard too; a clock may be set in between.
    if -BACK <= gap <= SPARE:
        return None
    return Problem(
        f"the first event was written {abs(gap):,.0f} s {'after' if gap > 0 else 'before'} the time in the file's name",
        log.at("record 0"),
        expected=f"{named}",
        observed=f"{begin:.0f}",
    )


def _span(log: EventLog) -> Problem | None:
    runtime, begin = log.scalars.get("train/train_runtime", ()), log.first_wall_time
    if len(runtime) != 1 or begin is None or log.attempts > 1:
        return None
    # All values of the last row are written in one call.
    same = (p for tag, points in log.scalars.items() if tag.startswith("train/") for p in points)
    end = max(p.wall_time for p in same if p.step == runtime[0].step)
    span, measured = end - begin, runtime[0].value
    if span <= measured * 1.05 + SPARE:
        return None
    return Problem(
        f"the events span {span:,.0f} s, and train_runtime is {measured:,.0f} s",
        log.at("train/train_runtime"),
        expected=f"at most {measured * 1.05 + SPARE:,.0f} s",
        observed=f"{span:,.0f} s",
    )
