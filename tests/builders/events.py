"""Writes event files without tensorboard: records, checksums and the protobuf messages inside, bit by bit."""

import struct
from collections.abc import Iterable, Mapping, Sequence

EPOCH = 1_700_000_000
NAME = f"events.out.tfevents.{EPOCH}.tiny-trainer.4711.0"
NAME_X = f"events.out.tfevents.{EPOCH}.tiny-trainer"
WRITER = "tensorboard.summary.writer.event_file_writer"

Scalars = Mapping[str, Sequence[tuple[int, float]]]
FLOAT, DOUBLE, INT32, STRING, INT64, HALF = 1, 2, 3, 7, 9, 19
"""tensorboard/compat/proto/types.proto"""


def make_events(
    scalars: Scalars | None = None,
    texts: Mapping[str, Sequence[str]] | None = None,
    tensorboardx: bool = False,
    wall_time: float = float(EPOCH),
) -> bytes:
    """A whole file: version, texts at step 0 (``/text_summary`` is appended to their tags), then scalars.

    Wall times go up by a second a record. tensorboardX names no writer.
    """
    events = [version(wall_time, "" if tensorboardx else WRITER)]
    for tag, values in (texts or {}).items():
        events += [event(wall_time, 0, [text(f"{tag}/text_summary", value)]) for value in values]
    for tag, points in (scalars or {}).items():
        events += [event(wall_time, step, [scalar(tag, value)]) for step, value in points]
    timed = [
        event[:1] + struct.pack("<d", wall_time + index) + event[9:] for index, event in enumerate(events)
    ]
    return make_records(timed)


def make_records(contents: Iterable[bytes]) -> bytes:
    """TFRecords with right checksums."""
    return b"".join(record(content) for content in contents)


def record(content: bytes) -> bytes:
    """One TFRecord."""
    length = struct.pack("<Q", len(content))
    return length + struct.pack("<I", masked(length)) + content + struct.pack("<I", masked(content))


def masked(data: bytes) -> int:
    """TFRecord's masked CRC32C, bit by bit: slow, and independent of the reader's tables."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value: int) -> bytes:
    """A protobuf varint; negative numbers take ten bytes."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(value)


def double(field: int, value: float) -> bytes:
    """A 64-bit field."""
    return varint(field << 3 | 1) + struct.pack("<d", value)


def single(field: int, value: float) -> bytes:
    """A 32-bit field."""
    return varint(field << 3 | 5) + struct.pack("<f", value)


def data(field: int, value: bytes | str) -> bytes:
    """A field of bytes, of a string or of a message."""
    raw = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def version(wall_time: float, writer: str = WRITER) -> bytes:
    """The event every file begins with."""
    source = data(10, data(1, writer)) if writer else b""
    return double(1, wall_time) + data(3, "brain.Event:2") + source


def event(wall_time: float, step: int, values: Sequence[bytes]) -> bytes:
    """An event with a summary of these values."""
    return double(1, wall_time) + number(2, step) + data(5, b"".join(data(1, value) for value in values))


def scalar(tag: str, value: float) -> bytes:
    """A simple_value."""
    return data(1, tag) + single(2, value)


def metadata(plugin: str, content: bytes = b"") -> bytes:
    """The metadata field of a value."""
    return data(9, data(1, data(1, plugin) + (data(2, content) if content else b"")))


def tensor(tag: str, dtype: int, values: bytes, plugin: str = "") -> bytes:
    """A tensor value; ``values`` are the encoded fields of a TensorProto behind its dtype."""
    return data(1, tag) + data(8, number(1, dtype) + values) + (metadata(plugin) if plugin else b"")


def text(tag: str, value: str) -> bytes:
    """A text as torch's add_text writes it: a string tensor of shape [1]."""
    shape = data(2, data(2, number(1, 1)))
    return tensor(tag, STRING, shape + data(8, value), "text")


def hparams(values: Mapping[str, float | str | bool]) -> bytes:
    """The value that starts a session of the hparams plugin."""
    entries = b""
    for key, value in values.items():
        if isinstance(value, bool):
            inner = number(4, int(value))
        elif isinstance(value, str):
            inner = data(3, value)
        else:
            inner = double(2, value)
        entries += data(1, data(1, key) + data(2, inner))
    return data(1, "_hparams_/session_start_info") + metadata("hparams", data(3, entries))
