"""Event files as torch, tensorboardX and TensorFlow write them, held against tensorboard's EventAccumulator.

TensorFlow is not installed (500 MB): its records are made here of its messages, as its writers fill them
(tensorflow 2.18, core/util/events_writer.cc, core/summary/summary_file_writer.cc, python/training/summary_io.py).
"""

import math
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog, SourceMetadata, TaggedRunMetadata
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.util import tensor_util

from auditor.artifacts.event_log import EventLog
from tests.builders import events as build
from tests.builders.blobs import blob

EVERYTHING = {"scalars": 0, "tensors": 0, "images": 0, "histograms": 0, "compressedHistograms": 0, "audio": 0}
Points = dict[str, list[tuple[int, bytes, float]]]


def bits(value: float) -> bytes:
    """NaN equals itself this way."""
    return struct.pack("<d", value)


def ours(path: Path) -> EventLog:
    return EventLog.parse(blob(path.read_bytes(), f"runs/{path.name}"))


def library(path: Path) -> tuple[Points, dict[str, list[str]], set[str]]:
    """Scalars of either form, texts, and all other tags, as EventAccumulator has them."""
    found = EventAccumulator(str(path), size_guidance=EVERYTHING, purge_orphaned_data=False)
    found.Reload()
    tags = found.Tags()
    scalars: Points = {
        tag: [(p.step, bits(p.value), p.wall_time) for p in found.Scalars(tag)] for tag in tags["scalars"]
    }
    texts: dict[str, list[str]] = {}
    others: set[str] = {*tags["images"], *tags["histograms"], *tags["audio"]}
    for tag in tags["tensors"]:
        plugin = found.SummaryMetadata(tag).plugin_data.plugin_name
        arrays = [(e.step, tensor_util.make_ndarray(e.tensor_proto), e.wall_time) for e in found.Tensors(tag)]
        if plugin == "scalars":
            scalars[tag] = [(step, bits(float(array.item())), time) for step, array, time in arrays]
        elif plugin == "text":
            texts[tag] = [text.decode() for _, array, _ in arrays for text in array.ravel()]
        else:
            others.add(tag)
    return scalars, texts, others


def held_against_the_library(path: Path) -> EventLog:
    """Our reading, once it agrees with the library's in every scalar, text and tag."""
    log = ours(path)
    scalars, texts, others = library(path)
    mine = {tag: [(p.step, bits(p.value), p.wall_time) for p in found] for tag, found in log.scalars.items()}
    assert mine == scalars
    assert {tag: list(found) for tag, found in log.texts.items()} == texts
    assert log.other_tags == others - {tag for tag in others if tag.startswith("_hparams_/")}
    assert log.is_intact
    return log


VALUES = [(1, 2.5), (2, float("nan")), (3, float("inf")), (300, -1e-40), (70_000, 3.4e38), (2**40, 0.1)]


@pytest.mark.rerun
def test_torchs_summary_writer(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(tmp_path))
    for step, value in VALUES:
        writer.add_scalar("train/loss", value, step, walltime=step + 0.5)
        writer.add_scalar("train/é", numpy.float64(value), step)
        writer.add_scalar("new/loss", value, step, new_style=True)
        writer.add_scalar("new/exact", value, step, new_style=True, double_precision=True)
    writer.add_text("args", '{"seed": 42}')
    writer.add_histogram("weights", numpy.arange(10.0), 1)
    writer.add_image("picture", numpy.zeros((3, 4, 4), numpy.uint8), 1)
    writer.add_pr_curve("curve", numpy.array([0, 1, 1]), numpy.array([0.1, 0.6, 0.9]), 1)
    writer.add_hparams({"lr": 2e-4, "optim": "adamw", "bf16": True}, {"hparam/loss": 1.5}, run_name="trial")
    writer.close()
    paths = sorted(tmp_path.rglob("events.out.tfevents.*"))
    assert len(paths) == 2
    log, trial = held_against_the_library(paths[0]), held_against_the_library(paths[1])
    assert len(log.scalars["train/loss"]) == len(log.scalars["new/exact"]) == len(VALUES)
    # A double is kept as one only by the form that asks for it.
    assert (log.scalars["new/exact"][-1].value, log.scalars["new/loss"][-1].value) == (
        0.1,
        struct.unpack("<f", struct.pack("<f", 0.1))[0],
    )
    assert (log.args(), log.writer, log.file_version) == ({"seed": 42}, "tensorboard", "brain.Event:2")
    assert trial.hparams == {"lr": 2e-4, "optim": "adamw", "bf16": True}


def test_tensorboardx(tmp_path: Path) -> None:
    module = pytest.importorskip("tensorboardX", reason="tensorboardX of the dev extra is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own
        writer = module.SummaryWriter(str(tmp_path))
        for step, value in VALUES[:-1]:  # its steps end at 2**31
            writer.add_scalar("train/loss", value, step, walltime=step + 0.5)
            writer.add_scalar("named", value, step, display_name="A name", summary_description="What it is")
        writer.add_text("args", '{"seed": 42}')
        writer.add_histogram("weights", numpy.arange(10.0), 1)
        writer.add_image("picture", numpy.zeros((3, 4, 4), numpy.uint8), 1)
        writer.add_hparams({"lr": 2e-4, "optim": "adamw", "bf16": True}, {"hparam/loss": 1.5}, name="trial")
        writer.close()
    paths = sorted(tmp_path.rglob("events.out.tfevents.*"), key=lambda path: len(path.parts))
    assert len(paths) == 2
    log, trial = held_against_the_library(paths[0]), held_against_the_library(paths[1])
    assert [point.step for point in log.scalars["named"]] == [step for step, _ in VALUES[:-1]]
    assert (log.writer, log.source_writer, log.args()) == ("tensorboardX", None, {"seed": 42})
    assert trial.hparams == {"lr": 2e-4, "optim": "adamw", "bf16": True}


# TensorFlow


def metadata(plugin: str, name: str = "") -> SummaryMetadata:
    return SummaryMetadata(
        display_name=name,
        plugin_data=SummaryMetadata.PluginData(plugin_name=plugin, content=b"\x08\x00"),
        data_class=1,
    )


def tensor_value(tag: str, array: Any, plugin: str, content: bool) -> Any:
    """A value as SummaryFileWriter::WriteTensor fills it: numbers in tensor_content, strings in their field."""
    proto = tensor_util.make_tensor_proto(array)
    if content:
        proto = TensorProto(
            dtype=proto.dtype, tensor_shape=proto.tensor_shape, tensor_content=numpy.asarray(array).tobytes()
        )
    return Summary.Value(tag=tag, tensor=proto, metadata=metadata(plugin))


def event(step: int, *values: Any, **more: Any) -> bytes:
    summary = {"summary": Summary(value=values)} if values else {}
    return bytes(Event(wall_time=1.7e9 + step, step=step, **summary, **more).SerializeToString())


def first(writer: str | None) -> bytes:
    source = {"source_metadata": SourceMetadata(writer=writer)} if writer else {}
    return bytes(Event(wall_time=1.7e9, file_version="brain.Event:2", **source).SerializeToString())


def of_version_one() -> list[bytes]:
    """tf.compat.v1.summary.FileWriter: graph, session log, merged summaries, run metadata."""
    histogram = HistogramProto(min=0, max=1, num=2, sum=1, sum_squares=1, bucket_limit=[1, 2], bucket=[1, 1])
    merged = [
        Summary.Value(tag="loss_1", simple_value=0.25),
        Summary.Value(tag="accuracy_1", simple_value=0.5),
        Summary.Value(tag="weights", histo=histogram),
        Summary.Value(tag="input", image=Summary.Image(height=1, width=1, colorspace=3)),
        Summary.Value(tag="sound", audio=Summary.Audio(sample_rate=1, num_channels=1, length_frames=1)),
    ]
    return [
        first(None),
        event(0, graph_def=b"\x0a\x02ab"),
        event(0, meta_graph_def=b"\x0a\x00"),
        event(0, session_log=SessionLog(status=SessionLog.START)),
        event(10, *merged),
        event(10, tagged_run_metadata=TaggedRunMetadata(tag="step10", run_metadata=b"x")),
        event(20, *merged[:2]),
        event(20, session_log=SessionLog(status=SessionLog.STOP)),
    ]


def of_version_two() -> list[bytes]:
    """tf.summary and Keras: scalars and texts as tensors, a graph, a histogram as a tensor of rank 2."""
    loss = numpy.float32(0.1)
    return [
        first("tensorflow.core.util.events_writer"),
        event(0, tensor_value("keras", numpy.array(b"{}"), "graph_keras_model", False)),
        event(1, tensor_value("epoch_loss", loss, "scalars", True)),
        event(1, tensor_value("epoch_accuracy", numpy.float32("nan"), "scalars", False)),
        event(2, Summary.Value(tag="epoch_loss", tensor=tensor_util.make_tensor_proto(loss / 2))),
        event(2, tensor_value("note", numpy.array([b"one", b"two"]), "text", False)),
        event(2, tensor_value("kernel", numpy.zeros((30, 3)), "histograms", True)),
    ]


@pytest.mark.parametrize(
    ("records", "name", "writer"),
    [
        (of_version_one(), f"events.out.tfevents.{build.EPOCH}.host", "tensorboardX"),
        (of_version_two(), f"events.out.tfevents.{build.EPOCH}.host.4711.0.v2", "tensorflow"),
    ],
    ids=["version 1", "version 2"],
)
def test_tensorflow(records: list[bytes], name: str, writer: str, tmp_path: Path) -> None:
    """The writer of version 1 leaves no word of itself and names its files as tensorboardX does."""
    path = tmp_path / name
    path.write_bytes(build.make_records(records))
    log = held_against_the_library(path)
    assert (log.writer, log.file_version, log.records) == (writer, "brain.Event:2", len(records))
    tag = "loss_1" if "loss_1" in log.scalars else "epoch_loss"
    assert len(log.scalars[tag]) == 2


NUMBERS = {
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "float16": st.floats(width=16),
    **{
        f"{sign}int{size}": st.integers(0 if sign else -(2 ** (size - 1)), 2 ** (size - (not sign)) - 1)
        for sign in ("", "u")
        for size in (8, 16, 32, 64)
    },
    "bool": st.booleans(),
}
ARRAYS = st.sampled_from(sorted(NUMBERS)).flatmap(
    lambda dtype: st.builds(
        lambda shape, value: numpy.full(shape, value, dtype),
        st.sampled_from([(), (1,), (1, 1), (2,), (0,), (1, 3)]),
        NUMBERS[dtype],
    )
)


@given(ARRAYS, st.booleans())
@settings(deadline=None, max_examples=200)
def test_numbers_of_every_dtype_are_those_that_the_library_decodes(array: Any, content: bool) -> None:
    """One element is a scalar, whatever its shape; several, also where one value stands for all of them, are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, of the library
        value = tensor_value("t", array, "scalars", content and array.size > 0)
        if array.dtype not in (numpy.uint32, numpy.uint64):  # which the library writes and does not read
            assert tensor_util.make_ndarray(value.tensor).tobytes() == array.tobytes()
    log = EventLog.parse(blob(build.make_records([event(1, value)]), build.NAME))
    if array.size == 1:
        assert [bits(point.value) for point in log.scalars["t"]] == [bits(float(array.item()))]
    else:
        assert not log.scalars
        assert log.other_tags == {"t"}


@pytest.mark.parametrize("value", [1.0, -2.5, 3.0e38, math.inf])
def test_bfloat16_is_the_upper_half_of_a_float32(value: float) -> None:
    half = struct.unpack("<H", struct.pack("<f", value)[2:])[0]
    expected = struct.unpack("<f", struct.pack("<I", half << 16))[0]
    shape = TensorShapeProto()
    for proto in (
        TensorProto(dtype=14, tensor_shape=shape, half_val=[half]),
        TensorProto(dtype=14, tensor_shape=shape, tensor_content=struct.pack("<H", half)),
    ):
        made = Summary.Value(tag="t", tensor=proto, metadata=metadata("scalars"))
        log = EventLog.parse(blob(build.make_records([event(1, made)]), build.NAME))
        assert [point.value for point in log.scalars["t"]] == [expected]


def test_damage_costs_one_record_where_the_library_stops(tmp_path: Path) -> None:
    parts = [
        bytearray(build.record(one))
        for one in [first(None), *(event(s, Summary.Value(tag="t", simple_value=s)) for s in range(1, 6))]
    ]
    parts[2][20] ^= 1
    path = tmp_path / build.NAME
    path.write_bytes(b"".join(parts))
    log = ours(path)
    assert (log.bad_crc, [point.step for point in log.scalars["t"]]) == ((2,), [1, 3, 4, 5])
    assert [step for step, _, _ in library(path)[0]["t"]] == [1]
