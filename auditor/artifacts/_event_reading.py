"""Gathers the records of one event file into series, texts and notes of damage."""

import struct
from typing import NamedTuple

from auditor.artifacts import _event_proto
from auditor.artifacts._event_proto import Event, Value
from auditor.artifacts._tfrecord import Batch, Cut
from auditor.errors import CannotRead

ITEM_LIMIT = 2_000_000
"""Most records and values of one file: 9 bytes of a hostile file would become 130 bytes of memory each."""
_FORMS = 10_000
"""Most tags whose form is remembered."""
_WALL_TIME, _STEP = 0x09, 0x10
"""Keys of an event's first two fields: 1, a double, and 2, a varint (event.proto)."""
_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")


class ScalarPoint(NamedTuple):
    """One logged number; ``wall_time`` in seconds since 1970."""

    step: int
    value: float
    wall_time: float


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
        first = self.records
        self.records += len(contents)
        self._count(len(contents))
        for number, data in enumerate(contents, first):
            if number - first in unsound:
                self.bad_crc.append(number)
            elif not self._is_plain_scalar(number, data):
                self._decode(number, data)

    def _decode(self, number: int, data: bytes) -> None:
        try:
            self._event(_event_proto.event(data), number)
        except ValueError:
            self.undecoded.append(number)

    def _count(self, items: int) -> None:
        self._items += items
        if self._items > ITEM_LIMIT:
            raise CannotRead(f"holds more than {ITEM_LIMIT} records and values")

    def _is_plain_scalar(self, number: int, data: bytes) -> bool:
        """Take a record that is, but for wall time, step and value, one decoded before: nearly all of a file are."""
        if len(data) < 20 or data[0] != _WALL_TIME:
            return False
        step, rest = 0, 9
        if data[9] == _STEP:
            step, rest = data[10], 11
            if step > 127:
                step, rest = step & 127 | data[11] << 7, 12
                if data[11] > 127:
                    step, rest = step & 0x3FFF | data[12] << 14, 13
                    if data[12] > 127:
                        return False
        points = self._forms.get(data[rest:-4])
        if points is None:
            return False
        self._items += 1
        (wall_time,) = _DOUBLE.unpack_from(data, 1)
        (value,) = _FLOAT.unpack_from(data, len(data) - 4)
        self._passed(number, wall_time)
        points.append(ScalarPoint(step, value, wall_time))
        return True

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
