"""Gathers the records of one event file into series, texts and notes of damage."""

from __future__ import annotations

import struct
from operator import itemgetter

from auditor.artifacts import _event_proto
from auditor.artifacts._event_proto import Event, Value
from auditor.artifacts._tfrecord import Batch, Cut
from auditor.errors import CannotRead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

ITEM_LIMIT = 2_000_000
"""Most records and values of one file: 9 bytes of a hostile file would become 130 bytes of memory each."""
_FORMS = 10_000
"""Most tags whose form is remembered."""
_WALL_TIME, _STEP = 0x09, 0x10
"""Keys of an event's first two fields: 1, a double, and 2, a varint (event.proto)."""
_BEGIN, _VALUE = struct.Struct("<BdBBB").unpack_from, struct.Struct("<f").unpack_from
_SHORTEST = 20
"""Bytes of a record with wall time, step, and a summary of one value that has a tag, at least."""


if TYPE_CHECKING:

    class ScalarPoint(NamedTuple):
        """One logged number; ``wall_time`` in seconds since 1970."""

        step: int
        value: float
        wall_time: float
else:

    class ScalarPoint(tuple):
        """The same without `typing` and `collections`, which would cost more than reading a usual file."""

        __slots__ = ()
        step, value, wall_time = (property(itemgetter(place)) for place in range(3))

        def __new__(cls, step, value, wall_time):
            return tuple.__new__(cls, (step, value, wall_time))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            return f"ScalarPoint(step={self[0]}, value={self[1]}, wall_time={self[2]})"


class Reading:
    """What was seen so far; the fields are those of EventLog."""

    def __init__(self) -> None:
        self.records = 0
        self.file_version: str | None = None
        self.source_writer: str | None = None
        self.scalars: dict[str, list[ScalarPoint]] = {}
        self.texts: dict[str, list[str]] = {}
        self.hparams: dict[str, object] = {}
        self.other_tags: set[str] = set()
        self.bad_crc: list[int] = []
        self.undecoded: list[int] = []
        self.truncated_at: int | None = None
        self.first_wall_time: float | None = None
        self.last_wall_time: float | None = None
        self.went_back: tuple[int, float] | None = None
        self._plugins: dict[str, str] = {}
        self._forms: dict[bytes, list[ScalarPoint]] = {}
        self._items = 0

    def take(self, item: Batch | Cut) -> None:
        """Add records, or note where the file breaks off. Raises CannotRead beyond `ITEM_LIMIT`."""
        if isinstance(item, Cut):
            self.truncated_at = item.offset
            return
        contents, unsound = item
        self._count(len(contents))
        if unsound:
            self.bad_crc += [self.records + place for place in sorted(unsound)]
        self._count(self._scalars(contents, unsound))
        self.records += len(contents)

    def _scalars(self, contents: list[bytes], unsound: frozenset[int]) -> int:
        """Add the sound ones of many records; how many are scalars of a tag whose form is known, one value each.

        Nearly all records of a file are, but for wall time, step and value, one that was decoded before.
        """
        forms, make, known = self._forms, tuple.__new__, 0
        for number, data in enumerate(contents):
            if number in unsound:
                continue
            points = None
            if len(data) >= _SHORTEST:
                key, wall_time, next_key, low, high = _BEGIN(data)
                step, rest = (low & 127 | high << 7, 12) if low > 127 else (low, 11)
                if high > 127 and rest == 12:
                    step, rest = step & 0x3FFF | data[12] << 14, 13
                if key == _WALL_TIME and next_key == _STEP and data[rest - 1] < 128:
                    points = forms.get(data[rest:-4])
            if points is None:
                self._decode(self.records + number, data)
                continue
            known += 1
            if wall_time < self.last_wall_time:
                self._passed(self.records + number, wall_time)
            self.last_wall_time = wall_time
            points.append(make(ScalarPoint, (step, *_VALUE(data, len(data) - 4), wall_time)))
        return known

    def _decode(self, number: int, data: bytes) -> None:
        try:
            self._event(_event_proto.event(data), number)
        except ValueError:
            self.undecoded.append(number)

    def _count(self, items: int) -> None:
        self._items += items
        if self._items > ITEM_LIMIT:
            raise CannotRead(f"holds more than {ITEM_LIMIT} records and values")

    def _passed(self, number: int, wall_time: float) -> None:
        if self.first_wall_time is None:
            self.first_wall_time = wall_time
        elif self.last_wall_time is not None and wall_time < self.last_wall_time:
            back = self.last_wall_time - wall_time
            if self.went_back is None or back > self.went_back[1]:
                self.went_back = (number, back)
        self.last_wall_time = wall_time

    def _event(self, event: Event, number: int) -> None:
        self._count(len(event.values))
        self.file_version = event.file_version or self.file_version
        self.source_writer = event.writer or self.source_writer
        self._passed(number, event.wall_time)
        for value in event.values:
            self._value(event, value)
        if len(event.values) == 1 and event.values[0].kind == "simple_value" and len(self._forms) < _FORMS:
            # The tag's other numbers come in the same form.
            tag = event.values[0].tag
            self._forms[_event_proto.plain_scalar(tag)] = self.scalars[tag]

    def _value(self, event: Event, value: Value) -> None:
        """Sort one value by its plugin, which only the first value of a tag needs to name."""
        plugin = value.plugin or self._plugins.get(value.tag, "")
        self._plugins.setdefault(value.tag, plugin)
        is_scalar = value.kind == "simple_value" or plugin == "scalars"
        if value.number is not None and is_scalar:
            self.scalars.setdefault(value.tag, []).append(
                ScalarPoint(event.step, value.number, event.wall_time)
            )
        elif plugin == "hparams":
            self._hparams(value)
        elif value.texts and (plugin == "text" or value.tag.endswith("/text_summary")):
            self.texts.setdefault(value.tag, []).extend(value.texts)
        elif value.kind:
            self.other_tags.add(value.tag)

    def _hparams(self, value: Value) -> None:
        try:
            self.hparams.update(_event_proto.hparams(value.content) or {})
        except ValueError:
            self.other_tags.add(value.tag)
