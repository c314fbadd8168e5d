"""Gathers the records of one event file into series, texts and notes of damage."""

from dataclasses import dataclass, field

from auditor.artifacts import _event_proto
from auditor.artifacts._event_proto import Event, Value
from auditor.artifacts._tfrecord import Cut, Record
from auditor.errors import CannotRead

ITEM_LIMIT = 2_000_000
"""Most records and values of one file: 9 bytes of a hostile file would become 130 bytes of memory each."""


@dataclass(frozen=True, slots=True)
class ScalarPoint:
    """One logged number; ``wall_time`` in seconds since 1970."""

    step: int
    value: float
    wall_time: float


@dataclass(slots=True)
class Reading:
    """What was seen so far; the fields are those of EventLog."""

    records: int = 0
    file_version: str | None = None
    source_writer: str | None = None
    scalars: dict[str, list[ScalarPoint]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    hparams: dict[str, object] = field(default_factory=dict)
    other_tags: set[str] = field(default_factory=set)
    bad_crc: list[int] = field(default_factory=list)
    undecoded: list[int] = field(default_factory=list)
    truncated_at: int | None = None
    first_wall_time: float | None = None
    last_wall_time: float | None = None
    went_back: tuple[int, float] | None = None
    _plugins: dict[str, str] = field(default_factory=dict)
    _items: int = 0

    def take(self, item: Record | Cut) -> None:
        """Add one record, or note where the file breaks off. Raises CannotRead beyond `ITEM_LIMIT`."""
        if isinstance(item, Cut):
            self.truncated_at = item.offset
            return
        self.records += 1
        self._count(1)
        if not item.sound:
            self.bad_crc.append(item.number)
            return
        try:
            self._event(_event_proto.event(item.data), item.number)
        except ValueError:
            self.undecoded.append(item.number)

    def _count(self, items: int) -> None:
        self._items += items
        if self._items > ITEM_LIMIT:
            raise CannotRead(f"holds more than {ITEM_LIMIT} records and values")

    def _event(self, event: Event, number: int) -> None:
        self._count(len(event.values))
        self.file_version = event.file_version or self.file_version
        self.source_writer = event.writer or self.source_writer
        if self.first_wall_time is None:
            self.first_wall_time = event.wall_time
        elif self.last_wall_time is not None and event.wall_time < self.last_wall_time:
            back = self.last_wall_time - event.wall_time
            if self.went_back is None or back > self.went_back[1]:
                self.went_back = (number, back)
        self.last_wall_time = event.wall_time
        for value in event.values:
            self._value(event, value)

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
