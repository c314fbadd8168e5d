"""CPU of reading an event file, checksums checked, against tensorboard's EventAccumulator; prints ratios of minima.

    python benchmarks/events.py [rounds]

Both processes import, read the whole file and keep every scalar and text. Files: 450 steps of four tags (1,800
scalars, 0.1 MB, what a usual training leaves) and 100,000 scalars with 1,000 texts (5 MB), written by tensorboard's
own record writer. Reference: EventAccumulator = 1.0.

The small file is held to a reach of 0.05 *net of a bare interpreter*: `python -c pass` is taken off both, because no
reader can start without it and it alone is 0.04 of what EventAccumulator takes with all its imports; whatever else is
imported counts. The large file is held to 0.2 as a whole process, nothing taken off.
"""

import os
import platform
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
TAGS = ("train/loss", "train/grad_norm", "train/learning_rate", "train/epoch")
FILES = {"450 steps": (450, 2, 4000), "100,000 scalars": (25_000, 1000, 40)}
NAME = "events.out.tfevents.1700000000.host.4711.0"
AUDITOR = """
from auditor.artifacts.event_log import EventLog
from auditor.model import Blob
log = EventLog.parse(Blob({path!r}, None, lambda: open({path!r}, "rb")))
assert log.is_intact and sum(map(len, log.scalars.values())) == {scalars} and len(log.texts) == {texts}
"""
LIBRARY = """
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
log = EventAccumulator({path!r}, size_guidance={{"scalars": 0, "tensors": 0}}, purge_orphaned_data=False)
log.Reload()
tags = log.Tags()
assert sum(len(log.Scalars(tag)) for tag in tags["scalars"]) == {scalars} and len(tags["tensors"]) == {texts}
"""
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["PYTHONPATH"] = str(ROOT)


def write(path: Path, steps: int, texts: int, characters: int) -> None:
    """A file as a trainer with TensorBoardCallback leaves it; texts at step 0, then the scalars step by step."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.summary.writer.record_writer import RecordWriter
    from tensorboard.util import tensor_util

    plugin = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    numbers = random.Random(42)
    with path.open("wb") as stream:
        writer = RecordWriter(stream)
        writer.write(Event(wall_time=1.7e9, file_version="brain.Event:2").SerializeToString())
        for number in range(texts):
            proto = tensor_util.make_tensor_proto([b"x" * characters])
            value = Summary.Value(tag=f"text {number}", tensor=proto, metadata=plugin)
            writer.write(Event(wall_time=1.7e9, summary=Summary(value=[value])).SerializeToString())
        for step in range(1, steps + 1):
            for tag in TAGS:
                value = Summary.Value(tag=tag, simple_value=numbers.random())
                event = Event(wall_time=1.7e9 + step * 1.37, step=step, summary=Summary(value=[value]))
                writer.write(event.SerializeToString())


def cpu_seconds(code: str) -> float:
    """User and system seconds of ``python -c``."""
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", code], ENVIRONMENT)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit("a reader did not find what was written")
    return usage.ru_utime + usage.ru_stime


def measure(label: str, path: Path, scalars: int, texts: int, rounds: int) -> None:
    """Alternate all programs on one file and print a row."""
    values = {"path": str(path), "scalars": scalars, "texts": texts}
    programs = {"bare": "pass", "auditor": AUDITOR.format(**values), "library": LIBRARY.format(**values)}
    best = dict.fromkeys(programs, float("inf"))
    for _ in range(rounds + 1):
        for name, code in programs.items():
            best[name] = min(best[name], cpu_seconds(code))
    ratios = [(best["auditor"] - less) / (best["library"] - less) for less in (0.0, best["bare"])]
    print(
        f"{label:<16}", *(f"{best[name] * 1000:>9.1f}" for name in programs), *(f"{r:>7.3f}" for r in ratios)
    )


def main() -> None:
    """Write both files, then measure."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print(
        f"{platform.machine()}, Python {platform.python_version()}, minimum of {rounds + 1} alternated runs"
    )
    print(
        f"{'CPU ms':<16}",
        *(f"{name:>9}" for name in ("bare", "auditor", "library")),
        *(f"{name:>7}" for name in ("whole", "net")),
    )
    with tempfile.TemporaryDirectory() as folder:
        for label, (steps, texts, characters) in FILES.items():
            path = Path(folder) / NAME
            write(path, steps, texts, characters)
            measure(label, path, steps * len(TAGS), texts, rounds)


if __name__ == "__main__":
    main()
