"""What the children of a rerun left, read by the same readers as any repository."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auditor.errors import CannotRead
from auditor.model import Blob
from auditor.runs import Contents, Folder, read
from auditor.sources import directory

STEPS_LIMIT = 1024 * 1024 * 1024
"""Bytes of rerun_steps.jsonl read; a step of 808 tensors is about 100 kilobytes."""
RERUN = "rerun"


@dataclass(frozen=True, slots=True)
class Output:
    """One training's folder; ``says`` tells what was varied, "" for the rerun itself."""

    name: str
    contents: Contents
    says: str = ""

    @property
    def root(self) -> Folder:
        """The folder of the final adapter and the whole log."""
        return self.at("")

    @property
    def initial(self) -> Folder:
        """The adapter before its first step."""
        return self.at("init")

    def at(self, path: str) -> Folder:
        """A folder by its path, empty when the training wrote none of that name."""
        return self.contents.folders.get(path, Folder(path, {}))

    def json(self, name: str) -> object:
        """A JSON file of the child's own; None when it is missing or broken."""
        blob = self.contents.snapshot.files.get(name)
        try:
            return None if blob is None else json.loads(blob.read())
        except (CannotRead, ValueError):
            return None

    def steps(self) -> Iterator[Mapping[str, object]]:
        """The lines of rerun_steps.jsonl, one an optimizer step, step 0 first; a broken tail is left out."""
        blob = self.contents.snapshot.files.get("rerun_steps.jsonl")
        if blob is not None:
            yield from _lines(blob)


@dataclass(frozen=True, slots=True)
class Outputs:
    """The experiment's folders. ``repeats`` had equal settings, ``variations`` stand for other machines."""

    rerun: Output
    repeats: tuple[Output, ...] = ()
    variations: tuple[Output, ...] = ()
    notes: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    """sha256 of base, data and tokenizer as `cache.digest_of` takes it."""

    @property
    def environment(self) -> Mapping[str, object]:
        """What the child recorded of the machine and its libraries, and the digests of its inputs."""
        found = self.rerun.json("environment.json")
        recorded = found if isinstance(found, dict) else {}
        return {**recorded, **{f"{name}_sha256": digest for name, digest in self.inputs.items()}}


def read_output(name: str, folder: Path, says: str = "") -> Output:
    """Read one training's folder."""
    return Output(name, read(directory.snapshot(folder, name=name)), says)


def _lines(blob: Blob) -> Iterator[Mapping[str, object]]:
    try:
        with blob.open() as stream:
            for line in stream.read(STEPS_LIMIT).splitlines():
                value = json.loads(line)
                if isinstance(value, dict):
                    yield value
    except (CannotRead, ValueError):
        return


def rows_drawn(output: Output) -> set[int] | None:
    """The data rows inside the examples that were trained on; None when the child did not record them."""
    spans = output.json("rerun_examples.json")
    if not isinstance(spans, list):
        return None
    drawn: set[int] = set()
    for line in output.steps():
        for index in _indices(line):
            if 0 <= index < len(spans):
                first, last = spans[index]
                drawn.update(range(first, last + 1))
    return drawn


def _indices(line: Mapping[str, object]) -> Iterator[int]:
    found = line.get("examples")
    if isinstance(found, list):
        yield from (index for index in found if isinstance(index, int))
