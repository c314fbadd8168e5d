"""What the training child tells: events for its parent and one line an optimizer step; needs no torch."""

import hashlib
import json
import os
import platform
import sys
import time
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

from .patches import installed

LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "tokenizers", "numpy")
VARIABLES = (
    *("ATEN_CPU_CAPABILITY", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA", "PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG"),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS"),
)
LOGGED = ("loss", "grad_norm", "learning_rate")


class Events:
    """Writes progress to what was stdout, after taking stdout away from every library and its C code."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._stream: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    @property
    def seconds(self) -> float:
        """Seconds since this process began."""
        return time.monotonic() - self._started

    def emit(self, event: str, **facts: object) -> None:
        """Writes one line; `seconds` counts from the start of this process."""
        line = {"event": event, **facts, "seconds": round(self.seconds, 3)}
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()

    def on_uncaught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Serves as sys.excepthook: one sentence to the parent, the traceback to stderr."""
        first = next(iter(str(error).strip().splitlines()), "")
        known = kind.__name__ in ("JobError", "RowsError") and first
        self.emit("error", message=first if known else f"{kind.__name__}: {first}".rstrip(": "))
        sys.__excepthook__(kind, error, trace)


class StepLog:
    """Pairs each optimizer step with its micro-batches, tensor digests and logged values, one JSON line each.

    Batches are collated ahead of training (accelerate fetches one more), so they wait in a queue, in order. ``event``
    is what the parent is told of each step, ``widest`` the most tokens of a row in any batch of a finished step.
    """

    def __init__(self, path: Path, job: str, events: Events, event: str = "step") -> None:
        self._stream: TextIO = path.open("w", encoding="utf-8")
        self._event = event
        self.widest = 0
        self._job, self._events = job, events
        self._collated: deque[tuple[list[int], list[list[int]], int | None]] = deque()
        self._substeps, self._begun = 0, False
        self._line: dict[str, object] = {}

    def collated(self, examples: list[int], ids: list[list[int]], tokens: int | None = None) -> None:
        """Queues one micro-batch: the indices of its examples, its padded ids, and how many of them are no padding."""
        self._collated.append((examples, ids, tokens))

    def substep(self) -> None:
        """Counts a micro-batch that ends without an optimizer step."""
        self._substeps += 1

    def step(self, number: int, digests: dict[str, int] | None) -> None:
        """Opens the line of a finished step; the first is the adapter before training and has no batch."""
        self.flush()
        self._line = {"step": number}
        if self._begun:
            drawn = [self._collated.popleft() for _ in range(self._substeps + 1)]
            self._line["examples"] = [index for indices, _, _ in drawn for index in indices]
            self._line["batch"] = ids_digest([ids for _, ids, _ in drawn])
            self._line["ids"] = sum(len(row) for _, ids, _ in drawn for row in ids)
            shapes = [[len(ids), len(ids[0]) if ids else 0] for _, ids, _ in drawn]
            self._line["shapes"] = shapes
            self.widest = max(self.widest, *(width for _, width in shapes))
            counts = [count for _, _, count in drawn if count is not None]
            self._line |= {"tokens": sum(counts)} if len(counts) == len(drawn) else {}
        self._begun, self._substeps = True, 0
        if digests is not None:
            self._line["digests"] = digests

    def logged(self, logs: Mapping[str, object]) -> None:
        """Adds what the Trainer logs at this step; its closing summary belongs to no step."""
        if self._line and "train_runtime" not in logs:
            self._line |= {key: logs[key] for key in LOGGED if key in logs}

    def flush(self) -> None:
        """Writes the open line, which is complete once the next step begins or training ends."""
        if not self._line:
            return
        self._stream.write(json.dumps(self._line) + "\n")
        self._stream.flush()
        if "batch" in self._line:
            told = {"step": self._line["step"], "loss": self._line.get("loss")}
            self._events.emit(self._event, job=self._job, **told)
        self._line = {}

    def close(self) -> None:
        """Writes what is open and closes the file."""
        self.flush()
        self._stream.close()


def host_facts() -> dict[str, object]:
    """Returns what decides the bits of a run and is known without torch: versions, platform, environment."""
    found = {name: installed(name) for name in LIBRARIES}
    return {
        "python": platform.python_version(),
        "versions": {name: version for name, version in found.items() if version is not None},
        "platform": f"{platform.system()} {platform.machine()}",
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def write_json(path: Path, value: object) -> None:
    """Writes one indented JSON document."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def ids_digest(batches: Sequence[Sequence[Sequence[int]]]) -> str:
    """Returns the sha256 of a step's padded input_ids, micro-batch by micro-batch, little-endian int64."""
    digest = hashlib.sha256()
    for batch in batches:
        for ids in batch:
            numbers = array("q", ids)
            if sys.byteorder == "big":
                numbers.byteswap()
            digest.update(numbers.tobytes())
    return digest.hexdigest()
