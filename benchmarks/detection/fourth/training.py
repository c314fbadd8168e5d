"""A training of the fourth blind set: one of the blind sets' and what else users and forgers do around it."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path

from benchmarks.detection.blind import training as blind
from benchmarks.detection.case import USUAL

SOURCES = (
    *blind.SOURCES,
    "fourth/trainer.py",
    "fourth/training.py",
    "fourth/habits.py",
    "fourth/inputs.py",
)
"""The files that decide what a training leaves: a change of one of them trains everything anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(blind.Training):
    """One training.

    ``habit`` is what a user's script does around the Trainer: "file order" (a subclass with a sequential sampler),
    "penalty" (a subclass whose loss has one more term), "watches" (a callback that reads and averages the weights),
    "LoRA+" (lora_B learns 16 times as fast) or "decay of B" (weight decay on lora_B alone). ``sft`` holds further
    members of TRL's SFTConfig, as a JSON object. ``masked`` leaves what comes before the last third of a row's tokens
    out of the loss. ``stops`` are the steps at which a process ends and another goes on from the checkpoint that was
    left there. ``then_data`` and ``then_steps`` train on other rows after the end and leave the weights alone in the
    places of the last ones. ``by`` may be "loop" too: a loop of torch alone, without a Trainer. ``rows`` may be sorted
    (by length) too.
    """

    habit: str = ""
    sft: str = "{}"
    masked: bool = False
    stops: tuple[int, ...] = ()
    then_data: str = ""
    then_steps: int = 0

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
