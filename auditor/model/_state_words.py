"""The words for the state of a training in one folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TrainerFacts:
    """What trainer_state.json counted; ``rows`` is the length of log_history."""

    path: str
    global_step: int | None = None
    max_steps: int | None = None
    epoch: float | None = None
    total_flos: float | None = None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class ParameterFacts:
    """One parameter of an optimizer: the adapter's tensor where it is known, how often it was stepped, its moments.

    ``moments`` are Euclidean norms by name: of gradients for ``exp_avg``, of their squares for ``exp_avg_sq``.
    """

    index: int
    tensor: str | None = None
    shape: tuple[int, ...] | None = None
    step: float | None = None
    moments: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OptimizerFacts:
    """An optimizer's state.

    ``kind`` is the algorithm, ``says`` the sentence about it, ``parameters`` how many the groups list and
    ``with_state`` how many have a state. ``never_updated`` names those that have none, ``without_gradient`` those that
    were stepped while their second moment is zero throughout: no gradient but zero ever reached them (each at most
    1,000). ``steps`` is the histogram of step counts, (updates, parameters).
    ``moments`` are Euclidean norms over all parameters by name; ``first_moment`` and ``second_moment`` those of the
    gradients' mean and of their squares' mean, None where the optimizer keeps none or they were not read.
    ``by_parameter`` is filled for the last state of a run. ``mismatches`` are sentences about what does not fit.
    """

    path: str
    kind: str | None = None
    says: str = ""
    parameters: int = 0
    with_state: int = 0
    never_updated: tuple[str, ...] = ()
    without_gradient: tuple[str, ...] = ()
    steps: tuple[tuple[float, int], ...] = ()
    elements: int = 0
    learning_rates: tuple[float, ...] = ()
    moments: Mapping[str, float] = field(default_factory=dict)
    first_moment: float | None = None
    second_moment: float | None = None
    by_parameter: tuple[ParameterFacts, ...] = ()
    mismatches: tuple[str, ...] = ()
    why: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleFacts:
    """A learning-rate schedule, in optimizer steps and absolute rates.

    ``kind`` is a name of transformers' SchedulerType, ``base_lrs`` and ``last_lr`` are per parameter group,
    ``expected`` is ``last_lr`` by the closed form and ``agrees`` whether both are equal to 1e-9 (None where there is
    none). ``curve`` holds up to 200 points (step, rate) of the whole schedule.
    """

    path: str | None = None
    kind: str | None = None
    warmup: int | None = None
    total: int | None = None
    peak: float | None = None
    base_lrs: tuple[float, ...] = ()
    last_epoch: int | None = None
    last_lr: tuple[float, ...] = ()
    expected: tuple[float, ...] | None = None
    agrees: bool | None = None
    curve: tuple[tuple[int, float], ...] = ()
    says: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GeneratorFacts:
    """One random generator: cpu (torch), numpy, python, or ``cuda:N``.

    ``seed`` is what it began from; ``draws`` how many 32-bit numbers it has given since (for CUDA the offset in its
    Philox stream). None where that is not known.
    """

    name: str
    seed: int | None = None
    draws: int | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """The generators of one process; ``rank`` is N of rng_state_N.pth, None in a run of one process."""

    path: str
    rank: int | None = None
    generators: tuple[GeneratorFacts, ...] = ()

    @property
    def cpu_seed(self) -> int | None:
        """The seed of torch's CPU generator."""
        return next((one.seed for one in self.generators if one.name == "cpu"), None)


@dataclass(frozen=True, slots=True)
class ScalerFacts:
    """The gradient scaler of fp16. ``skips`` and ``growths`` are the (least, most) that its numbers allow."""

    path: str
    scale: float | None = None
    growths_minus_skips: int | None = None
    skips: tuple[int, int] | None = None
    growths: tuple[int, int] | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class StateInspection:
    """The training's state in one folder; None for what is not there. ``notes`` are sentences about the generators.

    ``world_size`` is how many processes kept their generators: 1 for rng_state.pth, else the highest rank and one.
    """

    folder: str
    step: int | None = None
    trainer: TrainerFacts | None = None
    optimizer: OptimizerFacts | None = None
    schedule: ScheduleFacts | None = None
    processes: tuple[ProcessFacts, ...] = ()
    world_size: int | None = None
    scaler: ScalerFacts | None = None
    notes: tuple[str, ...] = ()

    @property
    def seed(self) -> int | None:
        """The seed of the first process's CPU generator."""
        return next((p.cpu_seed for p in self.processes if p.cpu_seed is not None), None)
