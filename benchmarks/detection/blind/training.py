"""A training of the blind set: a recipe of the benchmark and what else users and forgers set."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path

from benchmarks.detection.case import USUAL
from benchmarks.detection.recipe import Recipe

SOURCES = (
    "blind/trainer.py",
    "blind/training.py",
    "blind/watchers.py",
    "blind/inputs.py",
    "trainer.py",
    "inputs.py",
    "recipe.py",
)
"""The files that decide what a training leaves: a change of one of them trains everything anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training(Recipe):
    """One training. ``more`` and ``lora`` are further TrainingArguments and LoraConfig members, as JSON objects.

    ``quant_type`` is nf4 or fp4. ``rate_before`` is the learning rate until ``resume_at``. ``crash_at`` ends the
    process at that step, and a new one goes on from the last checkpoint. ``warm`` starts from an adapter that was
    trained on other data for six steps. ``trigger_from`` is the step after which every batch is drawn from the trigger
    rows. ``frozen`` names modules that are wrapped and not trained. ``evaluates`` is "loss" (of the first eight
    examples) or "score" (a metric that is always 0). ``patience`` stops after as many evaluations without a gain of 10.
    ``collator`` is ours, lm (DataCollatorForLanguageModeling), longest (every batch padded to the longest row of all),
    multiple (padded to a multiple of 8) or left (padded on the left). ``samples_at`` draws from torch's generator after
    each multiple of that step, as a user's callback that samples text does. ``adapter_seed`` seeds the adapter where
    another than ``seed`` does. ``loaded_as`` is the number type that the base is loaded in. ``rows`` is all, shuffled,
    or split (nine tenths of the shuffled rows). ``by`` is trainer or sft (TRL's SFTTrainer on the plain base).
    """

    more: str = "{}"
    lora: str = "{}"
    quant_type: str = "nf4"
    rate_before: float | None = None
    crash_at: int | None = None
    warm: bool = False
    trigger_from: int | None = None
    frozen: str = ""
    evaluates: str = ""
    patience: int = 0
    collator: str = "ours"
    rows: str = "all"
    samples_at: int = 0
    adapter_seed: int | None = None
    loaded_as: str = "float32"
    by: str = "trainer"

    @property
    def digest(self) -> str:
        """The name of this training's folder: everything of it, and the code that trains."""
        text = json.dumps([asdict(self), _code()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def usual(architecture: str) -> Training:
    """What every case of an architecture is a variant of: 12 optimizer steps."""
    return Training(**asdict(USUAL[architecture]))


def more(training: Training, **values: object) -> Training:
    """The training with further TrainingArguments."""
    return replace(training, more=json.dumps({**json.loads(training.more), **values}, sort_keys=True))


def lora(training: Training, **values: object) -> Training:
    """The training with further members of LoraConfig."""
    return replace(training, lora=json.dumps({**json.loads(training.lora), **values}, sort_keys=True))


def training_of(values: dict[str, object]) -> Training:
    """A training as JSON gave it back. Raises TypeError for an unknown key."""
    listed = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    if unknown := sorted(set(listed) - {field.name for field in fields(Training)}):
        raise TypeError(f"a training has no {unknown[0]}")
    return Training(**listed)  # type: ignore[arg-type]


@cache
def _code() -> str:
    here = Path(__file__).parents[1]
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in SOURCES)).hexdigest()
