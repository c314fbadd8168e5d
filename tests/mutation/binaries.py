"""Fields of safetensors files and of event files."""

import json
import struct
from collections.abc import Callable, Iterator

import numpy

from auditor.artifacts._event_proto import event
from auditor.artifacts._tfrecord import Record, masked_crc32c, records
from auditor.artifacts.event_log import ARGS, MODEL_CONFIG
from tests.builders import events as written
from tests.mutation.torch_files import tensor_variants
from tests.mutation.values import Mutation, edits


def of_tensors(path: str, data: bytes) -> Iterator[Mutation]:
    """Every tensor of a safetensors file (float32)."""
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + size]), 8 + size
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (body + offset for offset in entry["data_offsets"])
        values = numpy.frombuffer(data[begin:end], "<f4")
        for how, other in tensor_variants(values):
            yield Mutation(
                path,
                name,
                how,
                lambda b=begin, e=end, o=other: data[:b] + o.tobytes() + data[e:],  # type: ignore[misc]
            )


def of_events(path: str, data: bytes) -> Iterator[Mutation]:
    """Every scalar, every wall time and every leaf of the two JSON texts."""
    found = [item for item in records(data) if isinstance(item, Record)]

    def with_record(number: int, content: bytes) -> bytes:
        parts = [content if item.number == number else item.data for item in found]
        return b"".join(map(framed, parts))

    for item in found:
        read = event(item.data)
        later = struct.pack("<d", read.wall_time + 300.0)
        where = f"wall time of {read.values[0].tag if read.values else 'the version'} at {read.step}"
        yield Mutation(
            path,
            where,
            "+ 300 s",
            lambda n=item.number, c=item.data[:1] + later + item.data[9:]: with_record(n, c),  # type: ignore[misc]
        )
        for value in read.values:
            if value.kind == "simple_value" and value.number is not None:
                yield from _scalar(path, item, read.step, value.tag, value.number, with_record)
            elif value.tag in (ARGS, MODEL_CONFIG):
                yield from _texts(path, item, read.wall_time, value.tag, value.texts[0], with_record)


def framed(content: bytes) -> bytes:
    """One TFRecord with right checksums."""
    length = struct.pack("<Q", len(content))
    crcs = struct.pack("<I", masked_crc32c(length)), struct.pack("<I", masked_crc32c(content))
    return length + crcs[0] + content + crcs[1]


def _scalar(path, item, step, tag, number, with_record) -> Iterator[Mutation]:  # type: ignore[no-untyped-def]
    old = b"\x15" + struct.pack("<f", number)
    assert item.data.count(old) == 1
    for how, other in (("* 1.1", number * 1.1 if number else 0.1), ("negated", -number)):
        if other == number:
            continue
        content = item.data.replace(old, b"\x15" + struct.pack("<f", other))
        yield Mutation(path, f"{tag} at {step}", how, lambda n=item.number, c=content: with_record(n, c))
    content = item.data.replace(written.number(2, step), written.number(2, step + 1), 1)
    yield Mutation(
        path, f"step of {tag} at {step}", "+ 1", lambda n=item.number, c=content: with_record(n, c)
    )


def _texts(path, item, wall_time, tag, text, with_record) -> Iterator[Mutation]:  # type: ignore[no-untyped-def]
    def content(made: Callable[[], object]) -> bytes:
        return with_record(
            item.number, written.event(wall_time, 0, [written.text(tag, json.dumps(made(), indent=2))])
        )

    for at, how, made in edits(json.loads(text)):
        name = f"{tag.partition('/')[0]}." + ".".join(map(str, at))
        yield Mutation(path, name, how, lambda made=made: content(made))
