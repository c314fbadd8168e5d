"""The words of a rerun: plan, environment, aspects, verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Verdict(IntEnum):
    """How close a rerun came, worst first; INCONCLUSIVE stands aside and is never averaged away."""

    DIVERGED = 0
    CONSISTENT = 1
    EQUIVALENT = 2
    IDENTICAL = 3
    INCONCLUSIVE = 4

    @property
    def word(self) -> str:
        """``identical``, ``equivalent``, ``consistent``, ``diverged`` or ``inconclusive``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a plan: its value, where it was taken from, and whether no file says it."""

    value: object
    source: str
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class RerunPlan:
    """What will be trained, decided before anything is. ``span`` is whole or prefix; steps are optimizer steps."""

    run: str
    settings: Mapping[str, Setting]
    span: str
    stop_at: int
    total_steps: int
    base: str
    data: str
    coverage: Mapping[str, float]
    obstacles: tuple[str, ...] = ()
    """What keeps this plan from being run; empty when it can start."""
    hypotheses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing committed and comparable. Distances are relative unless ``why`` says otherwise."""

    aspect: str
    verdict: Verdict
    distance: float | None
    floor: float | None
    why: str
    at: str | None = None
    """The committed file the verdict speaks of."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where rerun and committed files first part: optimizer step, module, tensor; None where not committed."""

    step: int | None
    module: str | None = None
    tensor: str | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class RerunResult:
    """The experiment and its outcome."""

    run: str
    plan: RerunPlan
    environment: Mapping[str, object]
    verdict: Verdict
    aspects: tuple[Aspect, ...]
    floor: float | None
    first_divergence: Divergence | None = None
    coverage: Mapping[str, float] | None = None
    does_not_prove: tuple[str, ...] = ()
    why: str = ""
    repeats: tuple[str, ...] = ()
    """One sentence a repeat: what was varied and how far it moved."""
    curves: Mapping[str, tuple[tuple[int, float], ...]] | None = None
