"""Framing and checksums of event files: many records at a time, each judged as if it stood alone."""

import random
import struct
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts import _crc32c, _event_proto, _tfrecord
from auditor.artifacts._crc32c import crc32c, crc32c_each
from auditor.artifacts.event_log import EventLog
from tests.builders import events as build
from tests.builders.blobs import blob


def read(data: bytes) -> EventLog:
    return EventLog.parse(blob(data, build.NAME))


def bit_by_bit(data: bytes) -> int:
    """CRC32C without any table: the definition."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def noise(size: int, seed: int = 42) -> bytes:
    return random.Random(seed).randbytes(size)


EDGES = [0, 1, 3, 4, 63, 64, 65, 127, 128, 129, 511, 512, 513, 576, 1000]


@pytest.mark.parametrize("size", EDGES)
def test_checksums_of_every_way_to_compute_them(size: int) -> None:
    data = noise(size)
    assert crc32c(data) == crc32c_each([data])[0] == bit_by_bit(data)


@given(st.lists(st.binary(max_size=70) | st.sampled_from([noise(size) for size in EDGES]), max_size=12))
@settings(deadline=None, max_examples=60)
def test_checksums_of_many_messages_are_those_of_each(messages: list[bytes]) -> None:
    assert crc32c_each(messages) == list(map(bit_by_bit, messages))


def test_messages_longer_than_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_crc32c, "_PIECE", 640)
    messages = [noise(size) for size in (639, 640, 641, 700, 5, 6400, 6401)]
    assert crc32c_each(messages) == list(map(bit_by_bit, messages))


def contents(count: int) -> list[bytes]:
    return [
        build.event(1.0 + step, step, [build.scalar(("loss", "grad_norm")[step % 2], step)])
        for step in range(count)
    ]


@pytest.mark.parametrize("size", [1, 50, 200, 10_000])
def test_batches_of_any_size_give_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(build.make_records([build.version(1.0), *contents(30), build.event(9.0, 9, [])]))
    data[300] ^= 1
    whole = read(bytes(data))
    monkeypatch.setattr(_tfrecord, "_BATCH_SIZE", size)
    assert read(bytes(data)) == whole
    assert read(bytes(data[:-3])).truncated_at == len(data) - 16 - len(build.event(9.0, 9, []))
    assert (whole.records, len(whole.bad_crc), len(whole.scalars["loss"])) == (
        32,
        1,
        15 - (whole.bad_crc[0] % 2),
    )


def test_a_record_of_each_kind_of_damage_in_one_batch() -> None:
    """The damaged records are named and nothing else is lost."""
    parts = [bytearray(build.record(content)) for content in contents(10)]
    parts[2][9] ^= 1  # the length's checksum
    parts[5][20] ^= 1  # the content
    parts[7][-1] ^= 1  # the content's checksum
    log = read(b"".join(parts))
    assert log.bad_crc == (2, 5, 7)
    steps = sorted(point.step for points in log.scalars.values() for point in points)
    assert steps == [0, 1, 3, 4, 6, 8, 9]


STEPS = [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 2**40, -1]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("value", [0.0, -1.5, float("inf"), 3.0e38])
def test_a_tag_seen_before_reads_as_the_first_time(step: int, value: float) -> None:
    """The second record of a tag is taken by its form; both must be what struct and the varint say."""
    event = build.event(2.5, step, [build.scalar("train/loss", value)])
    log = read(build.make_records([event, event, event]))
    expected = (step, struct.unpack("<f", struct.pack("<f", value))[0], 2.5)
    assert log.scalars["train/loss"] == (expected,) * 3


@pytest.mark.parametrize("tag", ["", "x", "é/ä", "t" * 200, "t" * 20_000])
def test_forms_are_what_protobuf_writes(tag: str) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    summary = Summary(value=[Summary.Value(tag=tag, simple_value=1.5)])
    written = Event(wall_time=1.0, step=300, summary=summary).SerializeToString()
    if tag:  # protobuf leaves an empty tag out
        assert written == b"\x09" + struct.pack("<d", 1.0) + b"\x10\xac\x02" + _event_proto.plain_scalar(
            tag
        ) + struct.pack("<f", 1.5)
    log = read(build.make_records([written] * 3))
    assert log.scalars[tag] == ((300, 1.5, 1.0),) * 3


CONTENT = build.event(1.0, 3, [build.scalar("loss", 1.0)])


@given(st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.integers(0, 255)), max_size=3))
@settings(max_examples=300, deadline=None)
def test_a_damaged_record_after_a_sound_one_reads_as_if_it_stood_alone(edits: list[tuple[int, int]]) -> None:
    """Nothing remembered of the first record may change what a second one, sound and other, says."""
    changed = bytearray(CONTENT)
    for at, value in edits:
        changed[at] = value
    alone, after = read(build.record(bytes(changed))), read(build.make_records([CONTENT, bytes(changed)]))
    assert (after.undecoded == (1,)) == (alone.undecoded == (0,))
    both = {tag: repr(points) for tag, points in after.scalars.items()}
    first = repr(read(build.record(CONTENT)).scalars["loss"])[1:-2]
    own = {tag: repr(points) for tag, points in alone.scalars.items()}
    assert both == {**own, "loss": f"({first}, {own['loss'][1:-2]})" if "loss" in own else f"({first},)"}


def test_many_small_and_many_long_records_cost_little() -> None:
    """4 MB each: 260,000 records of nothing, and 4,000 records of zeros."""
    for data in (build.record(b"") * 260_000, build.record(bytes(1000)) * 4000):
        begin = time.process_time()
        assert read(data).bad_crc == ()
        assert time.process_time() - begin < 3
    tracemalloc.start()
    read(build.record(bytes(1000)) * 4000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20
