"""A training of the sixth blind set: one of the fifth set's and what else users of the libraries do."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path

from benchmarks.detection.case import USUAL
from benchmarks.detection.fifth import training as fifth

SOURCES = (*fifth.SOURCES, "sixth/trainer.py", "sixth/training.py", "sixth/habits.py")
"""The files that decide what a training leaves: a change of one of them trains everything anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(fifth.Run):
    """One training.

    ``habit`` may also be "A still" (lora_A keeps its first values, as in LoRA-FA), "norms" (the base's norms are
    trained, too, and kept in a file of their own), "second adapter" (one more adapter that is never active) or "batch
    mean" (each batch's own mean of the loss, as transformers before 4.46). ``interrupted_at`` is the step after which
    somebody presses Ctrl-C and saves what there is. ``unlearned`` is a row whose last three tokens no loss counts.
    """

    interrupted_at: int = 0
    unlearned: int = -1

    @property
    def digest(self) -> str:
        """The name of this training's folder: everything of it, and the code that trains."""
        text = json.dumps([asdict(self), _code()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def usual(architecture: str) -> Run:
    """What every case of an architecture is a variant of: 12 optimizer steps."""
    return Run(**asdict(USUAL[architecture]))


def more(run: Run, **values: object) -> Run:
    """The run with further TrainingArguments."""
    return replace(run, more=json.dumps({**json.loads(run.more), **values}, sort_keys=True))


def lora(run: Run, **values: object) -> Run:
    """The run with further members of LoraConfig."""
    return replace(run, lora=json.dumps({**json.loads(run.lora), **values}, sort_keys=True))


def run_of(values: dict[str, object]) -> Run:
    """A training as JSON gave it back. Raises TypeError for an unknown key."""
    listed = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    if unknown := sorted(set(listed) - {field.name for field in fields(Run)}):
        raise TypeError(f"a run has no {unknown[0]}")
    return Run(**listed)  # type: ignore[arg-type]


@cache
def _code() -> str:
    here = Path(__file__).parents[1]
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in SOURCES)).hexdigest()
