"""What a user asked of a rerun, and how its progress is told."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import UsageError
from auditor.rerun.fleet.where import HERE, Where

if TYPE_CHECKING:
    from auditor.rerun.command import Command

Progress = Callable[[int, int, float | None, float | None], None]
"""Called with steps done, steps of all trainings together, last loss, and seconds left (None: unknown)."""


def silent(step: int, total: int, loss: float | None, eta: float | None) -> None:
    """A Progress that tells nobody."""


@dataclass(frozen=True, slots=True)
class RerunOptions:
    """How much to train, with what, and where to leave it.

    ``steps`` is the budget in optimizer steps of one training, ``coverage`` the same as a share of all steps, ``span``
    which of them (auto, whole, prefix, segments, or ``a..b``). ``minutes`` and ``timeout`` (seconds) end an
    experiment that takes longer, the shorter of the two. ``keep`` is a new folder that receives the outputs.
    ``repeats`` counts trainings with the same settings (2: one and its repeat); ``variation`` adds one under
    another instruction set and thread count. ``controls`` and ``hypotheses`` let near recipes and other readings be
    trained where the bits do not settle the question. ``environment`` is current (the libraries installed here),
    recorded (those that made the run, installed with uv) or releases such as ``transformers==4.48.3,peft==0.14.0``
    (the rest as recorded). ``trainer`` is auto, reference, sft, dpo or command, and ``command`` the script that the
    last one runs. ``where`` is this machine or a cluster, ``jobs`` how many trainings run at a time (None: one here,
    all at once on a cluster). Raises UsageError for a coverage that is not above 0 and at most 1.
    """

    base: Path | None = None
    data: Path | None = None
    tokenizer: Path | None = None
    steps: int | None = None
    coverage: float | None = None
    span: str = "auto"
    minutes: float | None = None
    threads: int = 1
    timeout: float | None = None
    keep: Path | None = None
    cache: bool = True
    repeats: int = 2
    variation: bool = True
    controls: bool = True
    hypotheses: bool = True
    environment: str = "current"
    trainer: str = "auto"
    command: "Command | None" = None
    where: Where = HERE
    jobs: int | None = None
    debug: bool = False

    def __post_init__(self) -> None:
        if self.coverage is not None and not 0 < self.coverage <= 1:
            raise UsageError(
                f"--coverage {self.coverage:g} is no share of the steps",
                "give a number above 0 and at most 1, such as 0.3",
            )

    @property
    def limit(self) -> float | None:
        """Seconds the whole experiment may take; None for as long as it needs."""
        limits = [self.timeout, None if self.minutes is None else self.minutes * 60]
        return min((limit for limit in limits if limit is not None), default=None)
