"""What the lines of an example do to an event file: it is taken apart, changed and written anew."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from auditor.artifacts.event_log import ARGS, EventLog
from tests.builders.blobs import blob
from tests.builders.events import event, make_records, scalar, text, version


@dataclass(frozen=True)
class Entry:
    """One logged value; a text is written at step 0 as it stands."""

    wall_time: float
    step: int
    tag: str
    value: float | str

    def record(self) -> bytes:
        """The event that logs it."""
        if isinstance(self.value, str):
            return event(self.wall_time, self.step, [text(self.tag, self.value)])
        return event(self.wall_time, self.step, [scalar(self.tag, self.value)])


def edited(data: bytes, change: Callable[[list[Entry]], list[Entry]]) -> bytes:
    """An event file with other entries, in the order of its own and with its own times."""
    log = EventLog.parse(blob(data, "events.out.tfevents.1768467607.tiny-trainer.1.0"))
    begin = log.first_wall_time or 0.0
    return make_records([version(begin), *(entry.record() for entry in change(list(_entries(log, begin))))])


def _entries(log: EventLog, begin: float) -> Iterator[Entry]:
    for tag, items in log.texts.items():
        yield from (Entry(begin, 0, tag, item) for item in items)
    for tag, points in log.scalars.items():
        yield from (Entry(point.wall_time, point.step, tag, point.value) for point in points)


def valued(data: bytes, tag: str, step: int, value: float) -> bytes:
    """Another value of one scalar; a scalar more where the file has none at that step."""

    def change(entries: list[Entry]) -> list[Entry]:
        place = next((n for n, e in enumerate(entries) if (e.tag, e.step) == (tag, step)), None)
        if place is None:
            same = [entry for entry in entries if entry.tag == tag]
            when = (same or entries)[-1].wall_time
            at = entries.index(same[-1]) + 1 if same else len(entries)
            return [*entries[:at], Entry(when, step, tag, value), *entries[at:]]
        return [*entries[:place], replace(entries[place], value=value), *entries[place + 1 :]]

    return edited(data, change)


def without(data: bytes, tag: str, step: int) -> bytes:
    """One scalar less."""
    return edited(data, lambda entries: [e for e in entries if (e.tag, e.step) != (tag, step)])


def without_scalars(data: bytes) -> bytes:
    """The texts alone, as an aborted start leaves them."""
    return edited(data, lambda entries: [entry for entry in entries if isinstance(entry.value, str)])


def moved(data: bytes, first: int, last: int, seconds: float) -> bytes:
    """All scalars of the steps from ``first`` to ``last`` written earlier than they were."""

    def change(entries: list[Entry]) -> list[Entry]:
        return [
            replace(e, wall_time=e.wall_time - seconds)
            if first <= e.step <= last and not isinstance(e.value, str)
            else e
            for e in entries
        ]

    return edited(data, change)


def argued(data: bytes, key: str, value: object, tag: str = ARGS) -> bytes:
    """Another training argument (or key of the model's configuration) in the texts that training begins with."""

    def change(entries: list[Entry]) -> list[Entry]:
        return [
            replace(e, value=json.dumps({**json.loads(e.value), key: value}))
            if e.tag == tag and isinstance(e.value, str)
            else e
            for e in entries
        ]

    return edited(data, change)


def begun(data: bytes, times: int) -> bytes:
    """The training arguments logged several times, as each attempt does."""
    return edited(data, lambda entries: [e for e in entries for _ in range(times if e.tag == ARGS else 1)])
