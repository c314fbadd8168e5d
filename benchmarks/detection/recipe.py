"""A training recipe of the benchmark, by our own names, and the folder that a training of it leaves."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

ARCHITECTURES = ("gemma3", "llama", "qwen2")
OWNER = "tiny-labs"
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
SOURCES = ("trainer.py", "inputs.py", "recipe.py")
"""The files here that decide what a training leaves: a change of one of them trains everything anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One training. ``data`` and ``base`` name variants of the inputs (`inputs.DATA`, `inputs.BASES`).

    ``platform`` is ``cheetah``, ``llama-factory``, or ``script`` for one that declares nothing. ``machine`` is
    ``here``, ``threads`` (two of them) or ``avx2`` (another instruction set, so a process of its own). ``resume_at``
    ends the first half at that step and goes on from its checkpoint with a fresh Trainer. ``late_seed`` seeds after the
    adapter was drawn. ``stop_at`` stops early, as a user or a power cut does.
    """

    architecture: str
    platform: str = "cheetah"
    base: str = "first"
    data: str = "train"
    machine: str = "here"
    attention: str = "eager"
    seed: int = 42
    data_seed: int | None = None
    late_seed: bool = False
    quantization: bool = False
    double_quant: bool = True
    bf16: bool = False
    packing: bool = True
    eos: bool = True
    max_length: int | None = 64
    rank: int = 8
    alpha: int = 16
    dropout: float = 0.0
    targets: tuple[str, ...] | str = ATTENTION
    rslora: bool = False
    dora: bool = False
    init: str | bool = True
    batch: int = 1
    accumulation: int = 3
    epochs: float = 1.0
    max_steps: int = -1
    stop_at: int | None = None
    resume_at: int | None = None
    rate: float = 2e-3
    schedule: str = "linear"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    optim: str = "adamw_torch"
    clip: float = 1.0
    beta2: float = 0.999
    checkpointing: bool = False
    logging_steps: int = 1
    save_steps: int = 6

    @property
    def name(self) -> str:
        """What the published files call the base model."""
        return f"{OWNER}/tiny-{self.architecture}"

    @property
    def digest(self) -> str:
        """The name of this training's folder: everything of it, and the code that trains."""
        text = json.dumps([asdict(self), _code()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _code() -> str:
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in SOURCES)).hexdigest()


def recipe_of(values: dict[str, object]) -> Recipe:
    """A recipe as JSON gave it back. Raises TypeError for an unknown key."""
    known = {field.name for field in fields(Recipe)}
    listed = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    if unknown := sorted(set(listed) - known):
        raise TypeError(f"a recipe has no {unknown[0]}")
    return Recipe(**listed)  # type: ignore[arg-type]
