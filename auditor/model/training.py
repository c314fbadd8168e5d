"""The words of a rerun: plan, environment, aspects, verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Alternative:
    """Another reading of what was declared: settings with other values, and where they come from.

    ``open`` says that no file decides between it and the plan, so that a run that matches it is as honest. ``name``
    says in words what is changed, where the settings do not.
    """

    changes: Mapping[str, object]
    says: str
    open: bool = False
    name: str = ""

    @property
    def words(self) -> str:
        """``gradient_accumulation_steps = 1``, or the name: ``rows in file order``."""
        return self.name or ", ".join(f"{key} = {value}" for key, value in self.changes.items())


@dataclass(frozen=True, slots=True)
class Control:
    """A training of another recipe, for the scale of distances: relative distances of the effective update.

    ``role`` is control (a near recipe that the declared one must beat) or hypothesis (another reading of it);
    ``verdict`` is what the committed files would be called under it. None where nothing could be compared.
    """

    says: str
    role: str
    to_rerun: float | None
    to_committed: float | None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Optimizer steps ``start + 1`` to ``stop`` of one training.

    ``resume`` is the committed checkpoint's folder that it goes on from; None for a new adapter at step 0. ``changes``
    are settings that were others until the run was gone on with, as key and value.
    """

    start: int
    stop: int
    resume: str | None = None
    changes: tuple[tuple[str, object], ...] = ()

    @property
    def steps(self) -> int:
        """How many optimizer steps are trained."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Prediction:
    """What all trainings of a plan are expected to take on this machine, from two measured steps.

    ``seconds`` of all ``trainings``; ``step``: seconds an optimizer step; ``start``: seconds until a new process makes
    its first; ``memory`` and ``gpu_memory``: bytes at most in one training (None: not told, or no GPU); ``longer``:
    tokens of the longest row measured and of the longest there is, where that is longer.
    """

    seconds: float
    trainings: int
    step: float
    start: float
    memory: int | None
    gpu_memory: int | None = None
    longer: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class RerunPlan:
    """What will be trained, decided before anything is; steps are optimizer steps.

    ``span`` is whole, prefix or segments; ``stop_at`` the last step that is trained; ``parts`` the trainings, in
    order, of which a whole run and a prefix have one. ``total_steps`` are those the run made; its schedule's total,
    which is larger where the run was stopped early, is the setting ``max_steps``.
    """

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
    parts: tuple[Span, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    libraries: Mapping[str, Setting] = field(default_factory=dict)
    """The release of each library that made the run; value None where no file says it."""
    unknown_start: str | None = None
    """Why no training from step 0 begins where the run began."""
    prediction: Prediction | None = None
    """None where nothing was measured."""

    @property
    def trained(self) -> tuple[Span, ...]:
        """The parts, also of a plan that names none."""
        return self.parts or (Span(0, self.stop_at),)

    @property
    def steps(self) -> int:
        """Optimizer steps of one training of every part."""
        return sum(part.steps for part in self.trained)

    @property
    def length(self) -> str:
        """``18 optimizer steps``, ``1 optimizer step``."""
        return f"{self.steps:,} optimizer step{'' if self.steps == 1 else 's'}"

    def covers(self, step: int) -> bool:
        """Whether a step is trained; what is there before the first step counts for a training from 0."""
        return any(part.start < step <= part.stop or step == part.start == 0 for part in self.trained)

    @property
    def of_what(self) -> str:
        """`` of the first 9 of 18 steps`` where a part alone is trained, "" for the whole run; stands behind a word."""
        return "" if self.span == "whole" or self.steps >= self.total_steps > 0 else f" of {self.words}"

    @property
    def words(self) -> str:
        """``the whole run``, ``the first 9 of 18 steps``, ``steps 10 to 18 of 18, resumed from checkpoint-9``."""
        if self.span == "whole":
            return "the whole run"
        if self.span != "segments":
            return f"the first {self.stop_at} of {self.total_steps} steps"
        ranges = [f"{part.start + 1} to {part.stop}" for part in self.trained]
        joined = ", ".join(ranges[:-1]) + f" and {ranges[-1]}" if len(ranges) > 1 else ranges[0]
        resumed = [part.resume for part in self.trained if part.resume]
        again = f", resumed from {', '.join(resumed)}" if resumed else ""
        return f"steps {joined} of {self.total_steps}{again}"


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
    controls: tuple[Control, ...] = ()
    nearest: str | None = None
    """Which other reading or control the committed files match, in words."""
