"""Event files: our reader against tensorboard's own on files of its own writers, and on damaged ones."""

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c as library_crc
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util

from auditor.artifacts import _event_proto, _event_reading
from auditor.artifacts._crc32c import crc32c
from auditor.artifacts._tfrecord import masked_crc32c
from auditor.artifacts.event_log import EventLog, ScalarPoint
from auditor.errors import CannotRead
from tests.builders import events as build
from tests.builders.blobs import blob

EVERYTHING = {"scalars": 0, "tensors": 0, "images": 0, "histograms": 0, "compressedHistograms": 0, "audio": 0}


def read(data: bytes, name: str = build.NAME) -> EventLog:
    return EventLog.parse(blob(data, f"runs/host/{name}"))


def library(path: Path) -> EventAccumulator:
    found = EventAccumulator(str(path), size_guidance=EVERYTHING, purge_orphaned_data=False)
    found.Reload()
    return found


def bits(value: float) -> bytes:
    """NaN equals itself this way; the library hands float32 out as float64."""
    return struct.pack("<d", value)


def points(log: EventLog) -> dict[str, list[tuple[int, bytes, float]]]:
    return {tag: [(p.step, bits(p.value), p.wall_time) for p in found] for tag, found in log.scalars.items()}


def library_points(found: EventAccumulator) -> dict[str, list[tuple[int, bytes, float]]]:
    return {
        tag: [(p.step, bits(p.value), p.wall_time) for p in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }


def test_crc32c_of_the_standards_examples() -> None:
    """RFC 3720, appendix B.4: 32 zeros, 32 ones, 0..31, 31..0; and the check value of "123456789"."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(bytes(reversed(range(32)))) == 0x113FDB5C
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0


@given(st.binary(max_size=100))
def test_masked_crc32c_is_tensorboards(data: bytes) -> None:
    assert masked_crc32c(data) == library_crc(data) == build.masked(data)


# Held against tensorboard


def test_a_file_of_the_event_file_writer(tmp_path: Path) -> None:
    writer = EventFileWriter(str(tmp_path))
    for step, value in ((1, 2.5), (2, float("nan")), (3, float("inf")), (-4, 0.1)):
        summary = Summary(value=[Summary.Value(tag="train/loss", simple_value=value)])
        writer.add_event(Event(wall_time=100.5 + step, step=step, summary=summary))
    writer.close()
    path = next(tmp_path.iterdir())
    log = EventLog.parse(blob(path.read_bytes(), path.name))
    assert points(log) == library_points(library(path))
    assert [p.step for p in log.scalars["train/loss"]] == [1, 2, 3, -4]
    assert (log.writer, log.source_writer) == ("tensorboard", build.WRITER)
    assert (log.file_version, log.records, log.is_intact) == ("brain.Event:2", 5, True)
    parts = path.name.split(".")
    assert (log.file_epoch, log.hostname) == (int(parts[3]), ".".join(parts[4:-2]))


@pytest.mark.rerun
def test_a_file_of_torchs_summary_writer(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(tmp_path))
    writer.add_scalar("train/loss", 2.5, 1)
    writer.add_scalar("train/loss", 1.5, 2, new_style=True)
    writer.add_text("args", '{"seed": 42}')
    writer.close()
    path = next(tmp_path.iterdir())
    log = EventLog.parse(blob(path.read_bytes(), path.name))
    assert [(point.step, point.value) for point in log.scalars["train/loss"]] == [(1, 2.5), (2, 1.5)]
    assert (log.args(), log.writer, log.is_intact) == ({"seed": 42}, "tensorboard", True)


TAGS = st.text(st.characters(codec="utf-8"), max_size=6)
VALUES = st.one_of(
    st.builds(lambda tag, v: Summary.Value(tag=tag, simple_value=v), TAGS, st.floats(width=32)),
    st.builds(
        lambda tag, v: Summary.Value(
            tag=tag,
            tensor=tensor_util.make_tensor_proto([v.encode()]),
            metadata=SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text")),
        ),
        TAGS,
        st.text(max_size=20),
    ),
    st.builds(lambda tag, node: Summary.Value(tag=tag, node_name=node), TAGS, TAGS),
)
EVENTS = st.builds(
    lambda step, wall, values: Event(step=step, wall_time=wall, summary=Summary(value=values)),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.lists(VALUES, max_size=3),
)


@given(st.lists(EVENTS, max_size=8))
@settings(deadline=None, max_examples=60)
def test_random_events_read_as_tensorboard_reads_them(
    tmp_path_factory: pytest.TempPathFactory, found: list[Any]
) -> None:
    data = build.make_records([build.version(1.0), *(event.SerializeToString() for event in found)])
    path = tmp_path_factory.mktemp("events") / build.NAME
    path.write_bytes(data)
    log, theirs = read(data), library(path)
    assert points(log) == library_points(theirs)
    texts = {
        tag: tuple(t.tensor_proto.string_val[0].decode() for t in theirs.Tensors(tag))
        for tag in theirs.Tags()["tensors"]
    }
    # A tag may hold texts and numbers at once here; the library files any string tensor under tensors.
    assert log.texts == texts
    assert log.is_intact


TENSORS: list[tuple[str, Any, str, float]] = [
    ("float", 1.5, "float32", 1.5),
    ("double", 0.1, "float64", 0.1),
    ("int32", -7, "int32", -7.0),
    ("int64", -(2**40), "int64", float(-(2**40))),
    ("half", 0.25, "float16", 0.25),
]


@pytest.mark.parametrize(("tag", "value", "dtype", "expected"), TENSORS, ids=[case[0] for case in TENSORS])
@pytest.mark.parametrize("packed", [True, False], ids=["content", "values"])
def test_scalars_of_the_newer_api(tag: str, value: Any, dtype: str, expected: float, packed: bool) -> None:
    """tf.summary.scalar writes tensors; the library's own proto maker writes both of their forms."""
    import numpy

    proto = tensor_util.make_tensor_proto(numpy.array(value, dtype=dtype))
    if packed:
        proto.ClearField(proto.ListFields()[-1][0].name)
        proto.tensor_content = numpy.array(value, dtype=dtype).tobytes()
    summary = Summary.Value(tag=tag, tensor=proto)
    summary.metadata.plugin_data.plugin_name = "scalars"
    later = Summary.Value(tag=tag, tensor=proto)
    both = [
        Event(step=step, summary=Summary(value=[value])).SerializeToString()
        for step, value in ((3, summary), (4, later))
    ]
    log = read(build.make_records(both))
    assert [(p.step, p.value) for p in log.scalars[tag]] == [(3, expected), (4, expected)]


def test_a_tensor_of_several_numbers_is_no_scalar() -> None:
    for values in (
        build.single(5, 1.0) * 2,
        build.data(5, struct.pack("<2f", 1, 2)),
        build.data(4, bytes(12)),
    ):
        value = build.tensor("t", build.FLOAT, values, "scalars")
        log = read(build.make_records([build.event(1.0, 1, [value])]))
        assert (log.scalars, log.other_tags) == ({}, frozenset({"t"}))
    for values in (build.number(7, 1) * 2, build.data(7, b"\x01\x01"), build.data(7, b"\x01" * 20)):
        value = build.tensor("t", build.INT32, values, "scalars")
        assert read(build.make_records([build.event(1.0, 1, [value])])).other_tags == {"t"}


def test_the_hparams_plugin() -> None:
    start = plugin_data_pb2.SessionStartInfo()
    start.hparams["learning_rate"].number_value = 3e-5
    start.hparams["optim"].string_value = "adamw_torch"
    start.hparams["fp16"].bool_value = True
    content = plugin_data_pb2.HParamsPluginData(session_start_info=start).SerializeToString()
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="hparams", content=content))
    value = Summary.Value(tag="_hparams_/session_start_info", metadata=metadata)
    expected = {"learning_rate": 3e-5, "optim": "adamw_torch", "fp16": True}
    log = read(build.make_records([Event(summary=Summary(value=[value])).SerializeToString()]))
    assert log.hparams == expected
    ours = build.event(1.0, 0, [build.hparams({"learning_rate": 3e-5, "optim": "adamw_torch", "fp16": True})])
    assert read(build.make_records([ours])).hparams == expected


# What a Trainer's file says

ARGS = '{"learning_rate": 2e-05, "output_dir": "out", "seed": 42}'
CONFIG = '{"transformers_version": "4.51.3", "quantization_config": {"load_in_4bit": true}}'


def trainer_log(**more: Any) -> bytes:
    scalars = {"train/loss": [(1, 2.0), (2, 1.5)], "train/train_runtime": [(2, 9.0)]}
    return build.make_events(scalars, {"args": [ARGS], "model_config": [CONFIG]}, **more)


def test_arguments_and_model_configuration() -> None:
    log = read(trainer_log())
    assert log.args() == {"learning_rate": 2e-05, "output_dir": "out", "seed": 42}
    assert log.model_config()["transformers_version"] == "4.51.3"
    assert log.attempts == 1
    assert log.scalars["train/loss"] == (
        ScalarPoint(1, 2.0, build.EPOCH + 3.0),
        ScalarPoint(2, 1.5, build.EPOCH + 4.0),
    )
    assert (log.first_wall_time, log.last_wall_time) == (build.EPOCH, build.EPOCH + 5.0)


def test_each_try_logs_the_arguments_again() -> None:
    log = read(build.make_events(texts={"args": ['{"seed": 1}', '{"seed": 2}', "{broken"]}))
    assert log.attempts == 3
    assert log.args() == {}
    assert read(build.make_events(texts={"args": ['{"seed": 1}', '{"seed": 2}']})).args() == {"seed": 2}


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, "9" * 5000])
def test_arguments_that_are_no_json_object(text: str) -> None:
    log = read(build.make_events(texts={"args": [text]}))
    assert log.args() == {}


def test_facts_carry_tolerances() -> None:
    facts = read(trainer_log()).facts()
    assert (facts["train/loss@1"].value, facts["train/loss@1"].rtol, facts["train/loss@1"].ignorable) == (
        2.0,
        1e-6,
        False,
    )
    assert facts["train/train_runtime@2"].ignorable
    assert (facts["args.seed"].value, facts["args.seed"].ignorable) == (42, False)
    assert facts["args.output_dir"].ignorable
    assert facts["hostname"].ignorable
    assert facts["first_wall_time"].ignorable
    assert facts["model_config.quantization_config"].value == {"load_in_4bit": True}
    assert not any(
        fact.ignorable for key, fact in facts.items() if key in ("bad_crc", "truncated_at", "attempts")
    )


E = build.EPOCH
NAMES = [
    (f"events.out.tfevents.{E}.node-1.4711.0", "", (E, "node-1", "tensorboard")),
    (f"events.out.tfevents.{E}.a.b.c.4711.3", "", (E, "a.b.c", "tensorboard")),
    (f"events.out.tfevents.{E}.node-1.4711.0.v2", "", (E, "node-1", "tensorboard")),
    (f"events.out.tfevents.{E}.node-1.4711(1).0", "", (E, "node-1", "tensorboard")),
    (f"events.out.tfevents.{E}.Books-MacBook.local", "", (E, "Books-MacBook.local", "tensorboardX")),
    (f"events.out.tfevents.{E}.10.0.3.4", "", (E, "10.0.3.4", "tensorboardX")),
    (f"events.out.tfevents.{E}.10.0.3.4.4711.0", "", (E, "10.0.3.4", "tensorboard")),
    (f"events.out.tfevents.{E}.node-1", build.WRITER, (E, "node-1", "tensorboard")),
    (
        f"events.out.tfevents.{E}.node-1.7.0",
        "tensorflow.core.util.events_writer",
        (E, "node-1", "tensorflow"),
    ),
    (f"events.out.tfevents.{E}.node-1.7.0", "somebody.else", (E, "node-1", "unknown")),
    ("events.out.tfevents.copy", "", (None, None, "unknown")),
]


@pytest.mark.parametrize(("name", "writer", "expected"), NAMES)
def test_names_of_files(name: str, writer: str, expected: tuple[int | None, str | None, str]) -> None:
    log = read(build.make_records([build.version(1.0, writer)]), name)
    assert (log.file_epoch, log.hostname, log.writer) == expected
    assert log.source_writer == (writer or None)


NAMED = re.compile(r"events\.out\.tfevents\.(\d{1,12})\.(.+)", re.DOTALL)
PROCESS = re.compile(r"(.+)\.\d{1,20}(?:\(\d{1,3}\))?\.\d{1,20}(?:\.v2|\.profile-empty)?", re.DOTALL)
ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
PARTS = [
    "",
    "1",
    "12",
    "9" * 20,
    "9" * 21,
    "host",
    "node-1",
    "7(1)",
    "7(1234)",
    "7()",
    "(1)",
    "7(1",
    "v2",
    "profile-empty",
    "\n",
]


@given(
    st.sampled_from(["events.out.tfevents", "events.out", "x"]), st.lists(st.sampled_from(PARTS), max_size=7)
)
def test_names_are_taken_apart_as_these_patterns_say(begin: str, parts: list[str]) -> None:
    name = ".".join([begin, *parts])
    named = NAMED.fullmatch(name)
    process = PROCESS.fullmatch(named[2]) if named and not ADDRESS.fullmatch(named[2]) else None
    expected = (int(named[1]), process[1] if process else named[2]) if named else (None, None)
    log = read(b"", name)
    assert (log.file_epoch, log.hostname) == expected
    assert log.writer == ("tensorboard" if process else "tensorboardX" if named else "unknown")


def test_tensorboardx_is_told_by_name_and_silence() -> None:
    log = read(trainer_log(tensorboardx=True), build.NAME_X)
    assert (log.writer, log.hostname, log.source_writer) == ("tensorboardX", "tiny-trainer", None)


def test_resource_forks_are_not_read() -> None:
    assert EventLog.matches(f"runs/{build.NAME}")
    assert not EventLog.matches(f"runs/._{build.NAME}")


# Damage is data


def test_truncated_at_every_byte() -> None:
    """The number of whole records before a cut follows from the lengths of the records alone."""
    contents = [build.version(1.0), *(build.event(1.0, s, [build.scalar("loss", s)]) for s in range(4))]
    whole = build.make_records(contents)
    ends = [sum(len(c) + 16 for c in contents[: n + 1]) for n in range(len(contents))]
    for length in range(len(whole) + 1):
        log = read(whole[:length])
        complete = sum(end <= length for end in ends)
        start = ends[complete - 1] if complete else 0
        assert log.records == complete
        assert log.truncated_at == (None if length == start else start)
        assert len(log.scalars.get("loss", ())) == max(0, complete - 1)
        assert not log.bad_crc


def test_a_wrong_checksum_is_noted_and_the_record_not_used() -> None:
    contents = [build.event(1.0, s, [build.scalar("loss", s)]) for s in range(3)]
    whole = bytearray(build.make_records(contents))
    whole[len(contents[0]) + 16 + 12 + 20] ^= 1
    log = read(bytes(whole))
    assert (log.records, log.bad_crc, log.truncated_at, log.is_intact) == (3, (1,), None, False)
    assert [p.step for p in log.scalars["loss"]] == [0, 2]
    assert log.facts()["bad_crc"].value == (1,)


def test_a_sound_record_that_is_no_event_is_noted() -> None:
    for content in (b"\x0d", b"\x2a\x05ab", b"\x1a\x01\xff", b"\x0b", b"\x10" + b"\xff" * 11):
        log = read(build.make_records([build.version(1.0), content]))
        assert (log.records, log.undecoded, log.bad_crc) == (2, (1,), ())


def test_an_empty_file_is_an_empty_log() -> None:
    log = read(b"")
    assert (log.records, log.scalars, log.truncated_at) == (0, {}, None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", 2336927755350992246),
        (b"\0" * 7 + b"\x01" + b"\0" * 20, 2**56),
        (b"\x40" + b"\0" * 11, 64),
    ],
)
def test_what_is_no_event_file_at_all(data: bytes, expected: int) -> None:
    with pytest.raises(CannotRead) as caught:
        read(data)
    assert caught.value.reason == f"is no event file: its first record would be {expected} bytes long"


def test_a_long_record_with_a_right_length_is_only_cut_off() -> None:
    length = struct.pack("<Q", 2**40)
    log = read(length + struct.pack("<I", build.masked(length)) + b"x" * 100)
    assert (log.records, log.truncated_at) == (0, 0)


def test_hostile_numbers_of_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_event_reading, "ITEM_LIMIT", 10)
    assert read(build.make_records([b""] * 10)).records == 10
    for contents in ([b""] * 11, [build.event(1.0, 1, [b""] * 10)]):
        with pytest.raises(CannotRead, match="holds more than 10 records and values"):
            read(build.make_records(contents))


WHOLE = trainer_log()


def flipped(data: bytes, edits: list[tuple[int, int]]) -> bytes:
    changed = bytearray(data)
    for position, value in edits:
        changed[position % len(changed)] = value
    return bytes(changed)


def resealed(data: bytes, edits: list[tuple[int, int]]) -> bytes:
    """One record with right checksums around damaged content."""
    return build.record(flipped(data, edits))


CONTENT = build.event(
    1.0, 3, [build.scalar("a", 1.0), build.text("b", "c"), build.hparams({"k": 1.0, "s": "t"})]
)


@pytest.mark.parametrize(("damage", "data"), [(flipped, WHOLE), (resealed, CONTENT)])
@given(edits=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6))
@settings(deadline=None)
def test_no_damage_raises_anything_else(
    damage: Callable[[bytes, list[tuple[int, int]]], bytes], data: bytes, edits: list[tuple[int, int]]
) -> None:
    whole = damage(data, edits)
    try:
        log = read(whole)
    except CannotRead as error:
        assert error.reason.startswith("is no event file")  # noqa: PT017 - either outcome is right
        return
    assert log.records <= len(whole) // 16
    assert log.args().keys() <= {"learning_rate", "output_dir", "seed"} or log.attempts


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4))
@settings(max_examples=300)
def test_sound_records_are_judged_as_protobuf_judges_them(edits: list[tuple[int, int]]) -> None:
    """Whatever the library decodes is decoded here, but for groups; its scalars are the same."""
    content = flipped(CONTENT, edits)
    theirs = Event()
    try:
        theirs.ParseFromString(content)
    except DecodeError:
        return
    log = read(build.record(content))
    if log.undecoded:
        with pytest.raises(_event_proto.MalformedError, match=r"wire type [34]"):
            _event_proto.event(content)
        return
    expected = [value.simple_value for value in theirs.summary.value if value.HasField("simple_value")]
    ours = [point.value for found in log.scalars.values() for point in found]
    assert sorted(map(bits, ours)) == sorted(map(bits, expected))
    assert {point.step for found in log.scalars.values() for point in found} <= {theirs.step}
    assert log.first_wall_time is not None
    assert bits(log.first_wall_time) == bits(theirs.wall_time)
