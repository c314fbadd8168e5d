"""A training of the fifth blind set: one of the fourth set's and what else teams do with PEFT, TRL and processes."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path

from benchmarks.detection.case import USUAL
from benchmarks.detection.fourth import training as fourth

SOURCES = (
    *fourth.SOURCES,
    "fifth/trainer.py",
    "fifth/training.py",
    "fifth/models.py",
    "fifth/habits.py",
    "fifth/endings.py",
    "fifth/inputs.py",
)
"""The files that decide what a training leaves: a change of one of them trains everything anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(fourth.Run):
    """One training.

    ``before`` holds, as a JSON object, what was otherwise until ``resume_at``. ``by`` may also be "dpo" (TRL's
    DPOTrainer), "stream" (rows of an iterable dataset, in the file's order) or "two" (two processes, gradients joined
    by gloo). ``habit`` may also be "out of memory" (every batch of more than three rows is), "zero rate" (the
    optimizer's rate is 0 after step 9) or "average" (the last weights are the moving average of every step's).
    ``int8`` loads the base in 8 bits; ``half`` keeps the adapter itself in bfloat16; ``eva`` starts from the inputs'
    directions; ``added`` gives the tokenizer two more tokens, around each row, and the embeddings their rows;
    ``called`` names the adapter. ``template`` sets the script's own chat template. ``ending`` is what the script does
    at the end: "evaluates" (and writes the results, as the libraries' examples do), "card" (the Trainer's own),
    "tokenizer" (kept to be pushed), "extracts" (merges, and takes the adapter out of the merged weights by a singular
    value decomposition) or "converts" (PiSSA to a plain adapter of twice the rank).
    """

    before: str = "{}"
    int8: bool = False
    half: bool = False
    eva: bool = False
    added: bool = False
    called: str = "default"
    template: str = ""
    ending: str = ""

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


def resumed(run: Run, step: int, **before: object) -> Run:
    """The run gone on with after a step, until which these settings were others."""
    return replace(run, resume_at=step, before=json.dumps(before, sort_keys=True))


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
