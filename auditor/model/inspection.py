"""The words of an inspection: what is in an adapter, a checkpoint, a run, and how two of them relate.

A number that was measured and is NaN stays NaN; one that was not measured is None. Both come with ``why``. A module
that is missing is there with the condition ``missing`` and its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditor.model._adapter_words import (
    AdapterInspection,
    AdapterSettings,
    Condition,
    ModuleInspection,
    TensorInspection,
)
from auditor.model._state_words import (
    GeneratorFacts,
    OptimizerFacts,
    ParameterFacts,
    ProcessFacts,
    ScalerFacts,
    ScheduleFacts,
    StateInspection,
    TrainerFacts,
)
from auditor.model.compared import AdapterComparison
from auditor.model.snapshot import Unread

if TYPE_CHECKING:
    from auditor.model._side_words import InspectionComparison, Place, TensorRow

__all__ = [
    "AdapterInspection",
    "AdapterSettings",
    "Condition",
    "CurveInspection",
    "DrawnInspection",
    "GeneratorFacts",
    "Inspection",
    "InspectionComparison",
    "ModuleInspection",
    "OptimizerFacts",
    "ParameterFacts",
    "Place",
    "Points",
    "ProcessFacts",
    "ReachInspection",
    "Relation",
    "RunInspection",
    "ScalerFacts",
    "ScheduleFacts",
    "SeedInspection",
    "StateInspection",
    "StepRow",
    "TensorInspection",
    "TensorRow",
    "TrainerFacts",
]

Points = tuple[tuple[int, float], ...]
"""(step, value), by step."""


@dataclass(frozen=True, slots=True)
class Relation:
    """How one folder's adapter relates to another's: what ``comparison`` measured, in one sentence."""

    one: str
    two: str
    says: str
    comparison: AdapterComparison


@dataclass(frozen=True, slots=True)
class StepRow:
    """One row of the table over steps. Norms are Frobenius, in weight units; None is not there or not measured.

    ``change`` is the relative distance to the adapter of the checkpoint before, ``relation`` the word for it.
    """

    step: int | None
    folder: str
    loss: float | None = None
    learning_rate: float | None = None
    grad_norm: float | None = None
    norm: float | None = None
    change: float | None = None
    relation: str | None = None
    effective_rank: float | None = None
    largest_a: float | None = None
    largest_b: float | None = None
    first_moment: float | None = None
    second_moment: float | None = None
    seed: int | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class CurveInspection:
    """One scalar over steps and the file it was taken from."""

    tag: str
    path: str
    points: Points

    @property
    def first(self) -> float:
        """The value of the first step."""
        return self.points[0][1]

    @property
    def last(self) -> float:
        """The value of the last step."""
        return self.points[-1][1]

    @property
    def lowest(self) -> float:
        """The smallest value; NaN only when every value is NaN."""
        numbers = [value for _, value in self.points if value == value]
        return min(numbers, default=self.points[0][1])


@dataclass(frozen=True, slots=True)
class SeedInspection:
    """Whether the initial values of the adapter's matrices follow from a seed.

    ``verdict`` is proved, consistent, unreached or inconclusive; ``says`` is the sentence, ``why`` more words.
    ``source`` is where the seed was taken from (a file, ``--seed``, ``--recover-seed``), ``path`` the weights looked
    at. ``proved`` of ``tested`` modules are explained; ``correlation`` is their mean, ``next_best`` the largest of
    other seeds. ``odds`` is log10 of a bound on the probability that chance explains as much. ``other`` is another
    seed that explains the values, ``drawn_before`` how many numbers were drawn between the seed and the adapter.
    """

    verdict: str
    says: str
    why: str = ""
    seed: int | None = None
    source: str = ""
    path: str | None = None
    proved: int = 0
    tested: int = 0
    correlation: float | None = None
    next_best: float | None = None
    odds: float | None = None
    drawn_before: int = 0
    other: int | None = None


@dataclass(frozen=True, slots=True)
class DrawnInspection:
    """How far lora_A lies from the numbers that a seed drew it as.

    ``verdict`` is usual, unusual (further than the steps allow, which another basis of the same update explains),
    impossible (whatever its basis) or not known. ``bound`` is what the steps allow the module that comes nearest to it
    or goes furthest beyond; ``modules`` hold each module's largest distance, in the weights' units.
    """

    verdict: str
    says: str
    bound: float
    modules: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReachInspection:
    """How far the training may have moved lora_B, which starts at zero, and how far it lies from there.

    ``verdict`` is usual, unusual (nothing, less than noise makes, or over twice the sum of the learning rates),
    impossible (beyond Adam's bound) or not known. ``rates`` is the sum of the learning rates over ``steps``, ``bound``
    the most that Adam allows; ``modules`` hold each module's largest |lora_B| over ``rates``. ``drawn`` says
    the same of lora_A, None where the numbers that it began with are not known.
    """

    verdict: str
    says: str
    steps: int | None = None
    rates: float | None = None
    bound: float | None = None
    modules: Mapping[str, float] = field(default_factory=dict)
    drawn: DrawnInspection | None = None


@dataclass(frozen=True, slots=True)
class RunInspection:
    """One training run, or one folder of files that belong to none. ``path`` is unique in the snapshot."""

    path: str
    platform: str | None = None
    base: str | None = None
    base_source: str = ""
    training_args: Mapping[str, object] = field(default_factory=dict)
    training_args_class: str | None = None
    adapters: tuple[AdapterInspection, ...] = ()
    states: tuple[StateInspection, ...] = ()
    relations: tuple[Relation, ...] = ()
    steps: tuple[StepRow, ...] = ()
    curves: tuple[CurveInspection, ...] = ()
    seed: SeedInspection | None = None
    reach: ReachInspection | None = None

    @property
    def adapter(self) -> AdapterInspection | None:
        """The run's own adapter, else that of its last checkpoint that has weights, else the last one."""
        for item in (*self.adapters[:1], *reversed(self.adapters)):
            if item.path is not None and (item.step is None or item.modules or item.tensors):
                return item
        return self.adapters[-1] if self.adapters else None


@dataclass(frozen=True, slots=True)
class Inspection:
    """One snapshot, looked into. ``numbers`` is False when the values of tensors were not read."""

    snapshot: str
    commit: str | None = None
    numbers: bool = True
    runs: tuple[RunInspection, ...] = ()
    unread: tuple[Unread, ...] = ()
    notes: tuple[str, ...] = ()


if not TYPE_CHECKING:  # words that few need: they are loaded with the first of them

    def __getattr__(name: str) -> object:
        if name not in ("InspectionComparison", "Place", "TensorRow"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from auditor.model import _side_words

        return getattr(_side_words, name)
