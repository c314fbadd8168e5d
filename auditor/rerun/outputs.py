"""What the children of a rerun left, read by the same readers as any repository."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from auditor.artifacts.model_weights import ModelWeights
from auditor.artifacts.trainer_state import TrainerState
from auditor.errors import CannotRead
from auditor.model import Blob, Span
from auditor.rerun.trials import CONTROL, HYPOTHESIS, PROBE, REPEAT, VARIATION, Trial
from auditor.runs import Contents, Folder, read
from auditor.sources import directory

STEPS_LIMIT = 1024 * 1024 * 1024
"""Bytes of rerun_steps.jsonl read; a step of 808 tensors is about 100 kilobytes."""


@dataclass(frozen=True, slots=True)
class Part:
    """One training's folder: the steps it trained and everything it left."""

    span: Span
    contents: Contents

    def own(self, path: str) -> Folder | None:
        """A folder of this part by its path: the root, ``init``, and the checkpoints it made."""
        return self.contents.folders.get(path)


@dataclass(frozen=True, slots=True)
class Output:
    """A training of the plan, in one part or several; ``says`` tells what was varied, "" for the rerun itself.

    ``base`` holds the weights that a full fine-tune began at.
    """

    name: str
    parts: tuple[Part, ...]
    says: str = ""
    trial: Trial | None = None
    base: tuple[ModelWeights, ...] = ()

    @property
    def root(self) -> Folder:
        """The folder of the final adapter: of the part that trained last."""
        return self.at("")

    @property
    def initial(self) -> Folder:
        """The adapter before its first step."""
        return self.at("init")

    def at(self, path: str) -> Folder:
        """A folder by its path, empty when no part made one of that name."""
        wanted = self.parts[-1:] if path == "" else self.parts
        made = (folder for part in wanted if (folder := part.own(path)) is not None)
        return next(made, Folder(path, {}))

    def moments(self) -> Iterator[tuple[str, Folder, Contents]]:
        """The final folder and every checkpoint, each with the contents it lies in."""
        for part in self.parts:
            for path, folder in part.contents.folders.items():
                if folder.step is not None or (path == "" and part is self.parts[-1]):
                    yield path, folder, part.contents

    def states(self) -> Iterator[tuple[Span, TrainerState]]:
        """Each part's own log, whose rows begin after the part's first step."""
        for part in self.parts:
            folder = part.own("")
            state = folder.one(TrainerState) if folder else None
            if state is not None:
                yield part.span, state

    def json(self, name: str) -> object:
        """A JSON file of the child's own, from the first part; None when it is missing or broken."""
        return _json(self.parts[0].contents, name) if self.parts else None

    def steps(self) -> Iterator[Mapping[str, object]]:
        """The lines of rerun_steps.jsonl over all parts, one an optimizer step; a broken tail is left out."""
        for part in self.parts:
            blob = part.contents.snapshot.files.get("rerun_steps.jsonl")
            if blob is not None:
                yield from _lines(blob)


def _json(contents: Contents, name: str) -> object:
    blob = contents.snapshot.files.get(name)
    try:
        return None if blob is None else json.loads(blob.read())
    except (CannotRead, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Outputs:
    """The experiment's folders. ``repeats`` had equal settings, ``variations`` stand for other machines.

    ``controls`` are near recipes that the declared one must beat, ``hypotheses`` other readings of what was declared,
    ``probes`` the beginnings of some.
    """

    rerun: Output
    repeats: tuple[Output, ...] = ()
    variations: tuple[Output, ...] = ()
    notes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    """Names of trials that could not be trained; what else there is to train goes on without them."""
    controls: tuple[Output, ...] = ()
    hypotheses: tuple[Output, ...] = ()
    probes: tuple[Output, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    """sha256 of base, data and tokenizer as `cache.digest_of` takes it."""
    removed: tuple[str, ...] = ()
    """Names of the user's variables that could change what is trained and were kept from the children."""

    def more(self, outputs: Sequence[Output]) -> "Outputs":
        """These outputs with further ones, each in the place of its trial's role."""
        found: dict[str, tuple[Output, ...]] = {
            role: tuple(item for item in outputs if item.trial is not None and item.trial.role == role)
            for role in (REPEAT, VARIATION, CONTROL, HYPOTHESIS, PROBE)
        }
        return replace(
            self,
            repeats=(*self.repeats, *found[REPEAT]),
            variations=(*self.variations, *found[VARIATION]),
            controls=(*self.controls, *found[CONTROL]),
            hypotheses=(*self.hypotheses, *found[HYPOTHESIS]),
            probes=(*self.probes, *found[PROBE]),
        )

    @property
    def environment(self) -> Mapping[str, object]:
        """What the child recorded of the machine and its libraries, and the digests of its inputs."""
        found = self.rerun.json("environment.json")
        recorded = found if isinstance(found, dict) else {}
        without = {"removed_variables": list(self.removed)} if self.removed else {}
        return {**recorded, **without, **{f"{name}_sha256": digest for name, digest in self.inputs.items()}}


def read_output(
    trial: Trial, folders: Sequence[tuple[Span, Path]], base: tuple[ModelWeights, ...] = ()
) -> Output:
    """Read one training's folders, a part each."""
    parts = (Part(span, read(directory.snapshot(folder, name=trial.name))) for span, folder in folders)
    return Output(trial.name, tuple(parts), trial.says, trial, base)


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
