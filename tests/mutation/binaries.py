"""Fields of safetensors files and of event files."""

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy

from auditor.artifacts._event_proto import Event, event
from auditor.artifacts._tfrecord import Cut, masked_crc32c, records
from auditor.artifacts.event_log import ARGS, MODEL_CONFIG
from tests.builders import events as written
from tests.mutation.torch_files import tensor_variants
from tests.mutation.values import Mutation, edits

LATER = 300.0
"""Seconds by which a wall time is moved."""


def of_tensors(path: str, data: bytes) -> Iterator[Mutation]:
    """Every tensor of a safetensors file of float32."""
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + size]), 8 + size
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (body + offset for offset in entry["data_offsets"])
            for how, other in tensor_variants(numpy.frombuffer(data[begin:end], "<f4")):
                yield Mutation(path, name, how, partial(_spliced, data, begin, end, other.tobytes()))


def _spliced(data: bytes, begin: int, end: int, part: bytes) -> bytes:
    return data[:begin] + part + data[end:]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file, counted from 0."""

    number: int
    data: bytes


class EventFile:
    """The records of one event file, and the file with another one among them."""

    def __init__(self, data: bytes) -> None:
        contents = (one for item in records(data) if not isinstance(item, Cut) for one in item[0])
        self.records = [Record(number, one) for number, one in enumerate(contents)]

    def with_record(self, number: int, content: bytes) -> bytes:
        """Right checksums all over."""
        parts = (content if item.number == number else item.data for item in self.records)
        return b"".join(map(framed, parts))

    def with_text(self, item: Record, wall_time: float, tag: str, made: Callable[[], object]) -> bytes:
        """Another JSON document as the text of a record."""
        text = written.text(tag, json.dumps(made(), indent=2))
        return self.with_record(item.number, written.event(wall_time, 0, [text]))


def framed(content: bytes) -> bytes:
    """One TFRecord; the auditor's own checksum, which tests of the reader hold against one made bit by bit."""
    length = struct.pack("<Q", len(content))
    crcs = struct.pack("<I", masked_crc32c(length)), struct.pack("<I", masked_crc32c(content))
    return length + crcs[0] + content + crcs[1]


def of_events(path: str, data: bytes) -> Iterator[Mutation]:
    """Every wall time, every scalar with its step, and every leaf of the two JSON texts."""
    file = EventFile(data)
    for item in file.records:
        read = event(item.data)
        later = item.data[:1] + struct.pack("<d", read.wall_time + LATER) + item.data[9:]
        what = read.values[0].tag if read.values else "version"
        made = partial(file.with_record, item.number, later)
        yield Mutation(path, f"wall time of {what} at {read.step}", f"+ {LATER:g} s", made)
        yield from _scalars(path, file, item, read)
        yield from _texts(path, file, item, read)


def _scalars(path: str, file: EventFile, item: Record, read: Event) -> Iterator[Mutation]:
    for value in read.values:
        if value.kind != "simple_value" or value.number is None:
            continue
        number, name = value.number, f"{value.tag} at {read.step}"
        old = b"\x15" + struct.pack("<f", number)
        assert item.data.count(old) == 1
        for how, other in (("* 1.1", number * 1.1 if number else 0.1), ("negated", -number)):
            if other != number:
                content = item.data.replace(old, b"\x15" + struct.pack("<f", other))
                yield Mutation(path, name, how, partial(file.with_record, item.number, content))
        moved = item.data.replace(written.number(2, read.step), written.number(2, read.step + 1), 1)
        yield Mutation(path, f"step of {name}", "+ 1", partial(file.with_record, item.number, moved))


def _texts(path: str, file: EventFile, item: Record, read: Event) -> Iterator[Mutation]:
    for value in read.values:
        if value.tag in (ARGS, MODEL_CONFIG):
            for at, how, made in edits(json.loads(value.texts[0])):
                name = f"{value.tag.partition('/')[0]}." + ".".join(map(str, at))
                yield Mutation(
                    path, name, how, partial(file.with_text, item, read.wall_time, value.tag, made)
                )
