"""The words for the state of a training in one folder."""

from dataclasses import dataclass


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
class OptimizerFacts:
    """The optimizer's state: ``steps`` are the distinct step counts, ``elements`` of parameters with a state.

    ``first_moment`` and ``second_moment`` are Euclidean norms over all of them, None when not measured.
    """

    path: str
    kind: str | None = None
    parameters: int = 0
    with_state: int = 0
    steps: tuple[float, ...] = ()
    elements: int = 0
    first_moment: float | None = None
    second_moment: float | None = None
    says: tuple[str, ...] = ()
    why: str | None = None


@dataclass(frozen=True, slots=True)
class SchedulerFacts:
    """The learning-rate schedule: rates are per parameter group."""

    path: str
    last_epoch: int | None = None
    base_lrs: tuple[float, ...] = ()
    last_lr: tuple[float, ...] = ()
    says: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GeneratorFacts:
    """The random generators of one process (``rank``, None in a run of one) and the seeds that they began from."""

    path: str
    rank: int | None = None
    cpu_seed: int | None = None
    cuda_seeds: tuple[int, ...] = ()
    says: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScalerFacts:
    """The gradient scaler of fp16: ``growths_minus_skips`` is log2(scale / 65536) where that is whole."""

    path: str
    scale: float | None = None
    growths_minus_skips: int | None = None
    says: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StateInspection:
    """The training's state in one folder; None for what is not there."""

    folder: str
    step: int | None = None
    trainer: TrainerFacts | None = None
    optimizer: OptimizerFacts | None = None
    scheduler: SchedulerFacts | None = None
    generators: tuple[GeneratorFacts, ...] = ()
    scaler: ScalerFacts | None = None
