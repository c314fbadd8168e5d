"""The training's state in one folder: counters, optimizer, schedule, generators, scaler."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.engine.inspect._options import NOT_ASKED
from auditor.model.inspection import (
    GeneratorFacts,
    OptimizerFacts,
    ParameterFacts,
    ProcessFacts,
    ScalerFacts,
    ScheduleFacts,
    StateInspection,
    TrainerFacts,
)
from auditor.runs import Folder, Run

if TYPE_CHECKING:
    from auditor.compare.states import OptimizerDescription, RankDescription

_FEW_REFILLS = 1_000
"""Refills looked through in checkpoints before the last: 0.6 million numbers, about a millisecond a seed."""


def state_of(
    run: Run,
    folder: Folder,
    arguments: Mapping[str, object],
    numbers: bool,
    last: bool,
) -> StateInspection | None:
    """What a folder holds of the training's state; None when there is nothing of it.

    ``arguments`` are attributes of the run's TrainingArguments. ``last`` says that it is the run's last state, which
    is told parameter by parameter and whose generators are looked up at length.
    """
    trainer, optimizer = folder.one(TrainerState), folder.one(OptimizerState)
    scheduler, scaler = folder.one(SchedulerState), folder.one(ScalerState)
    generators = folder.all(RngState)
    if not (trainer or optimizer or scheduler or scaler or generators):
        return None
    processes, notes = _generators(generators, arguments, numbers, last)
    scaled = None if scaler is None else _scaler(scaler, trainer)
    return StateInspection(
        folder.path,
        folder.step,
        None if trainer is None else _trainer(trainer),
        None if optimizer is None else _optimizer(run, folder, optimizer, numbers, last),
        None if scheduler is None else _schedule(scheduler, trainer, arguments),
        processes,
        _world(processes),
        scaled,
        (*_steps(trainer, optimizer, scheduler, scaled), *notes),
    )


def _steps(
    trainer: TrainerState | None,
    optimizer: OptimizerState | None,
    scheduler: SchedulerState | None,
    scaler: ScalerFacts | None,
) -> tuple[str, ...]:
    if optimizer is None and scheduler is None and scaler is None:
        return ()
    from auditor.compare.states import steps_in_words

    return steps_in_words(
        trainer.global_step if trainer else None,
        optimizer.steps if optimizer else None,
        scheduler.last_epoch if scheduler else None,
        scaler.skips if scaler else None,
    )


def _trainer(state: TrainerState) -> TrainerFacts:
    return TrainerFacts(
        state.path,
        state.global_step,
        state.max_steps,
        None if state.epoch is None else float(state.epoch),
        None if state.total_flos is None else _finite(state.total_flos),
        len(state.log_history),
    )


def _finite(value: float) -> float | None:
    """An integer of any length as a float; None beyond what a float holds."""
    try:
        return float(value)
    except OverflowError:
        return None


def _optimizer(run: Run, folder: Folder, state: OptimizerState, numbers: bool, last: bool) -> OptimizerFacts:
    from auditor.compare.states import describe_optimizer, module_order

    weights, config = folder.one(AdapterWeights), folder.one(AdapterConfig)
    found = describe_optimizer(state, weights, modules=module_order(run.base, config), norms=numbers)
    moments = _moments(found)
    return OptimizerFacts(
        path=found.path,
        kind=found.kind,
        says=found.says,
        parameters=found.listed,
        with_state=len(found.parameters),
        never_updated=found.never_updated,
        without_gradient=found.without_gradient,
        steps=found.steps,
        elements=sum(math.prod(one.shape) for one in found.parameters if one.shape is not None),
        learning_rates=tuple(group.lr for group in found.groups if group.lr is not None),
        moments=moments,
        first_moment=moments.get(found.first or ""),
        second_moment=moments.get(found.second or ""),
        by_parameter=tuple(
            ParameterFacts(one.index, one.tensor, one.shape, one.step, one.norms) for one in found.parameters
        )
        if last
        else (),
        mismatches=found.mismatches,
        why=None if moments or not found.parameters else NOT_ASKED if not numbers else found.why,
    )


def _moments(found: "OptimizerDescription") -> dict[str, float]:
    """Norms over all parameters; NaN where one of them is."""
    squares: dict[str, list[float]] = {}
    for one in found.parameters:
        for name, norm in one.norms.items():
            squares.setdefault(name, []).append(norm)
    return {name: math.hypot(*norms) for name, norms in squares.items()}


def _schedule(
    state: SchedulerState, trainer: TrainerState | None, arguments: Mapping[str, object]
) -> ScheduleFacts:
    from auditor.compare.states import describe_schedule

    found = describe_schedule(state, trainer, arguments or None)
    return ScheduleFacts(
        found.path,
        found.kind,
        found.warmup,
        found.total,
        found.peak,
        found.base_lrs,
        found.last_epoch,
        found.last_lr,
        found.expected,
        found.agrees,
        found.curve,
        found.says,
        found.notes,
    )


def _world(processes: tuple[ProcessFacts, ...]) -> int | None:
    return max((one.rank or 0 for one in processes), default=-1) + 1 or None


def _generators(
    states: tuple[RngState, ...], arguments: Mapping[str, object], numbers: bool, last: bool
) -> tuple[tuple[ProcessFacts, ...], tuple[str, ...]]:
    """Looked up in the streams after the seeds that are known, or only as recorded when no number is to be made."""
    if not states:
        return (), ()
    if not numbers:
        return tuple(map(_recorded, states)), ()
    from auditor.compare.states import describe_generators

    seeds = [value for key in ("seed", "data_seed") if isinstance(value := arguments.get(key), int)]
    more = {} if last else {"most_refills": _FEW_REFILLS}
    found = describe_generators(states, seeds, **more)
    return tuple(map(_process, found.ranks)), found.notes


def _process(rank: "RankDescription") -> ProcessFacts:
    twisters = [GeneratorFacts(one.name, one.seed, one.draws, one.says) for one in rank.generators]
    cuda = [
        GeneratorFacts(f"cuda:{one.device}", one.seed, one.offset, f"seed {one.seed}, offset {one.offset:,}")
        for one in rank.cuda
    ]
    return ProcessFacts(rank.path, rank.rank, (*twisters, *cuda))


def _recorded(state: RngState) -> ProcessFacts:
    cuda = [GeneratorFacts(f"cuda:{number}", seed) for number, seed in enumerate(state.cuda_seeds)]
    return ProcessFacts(state.path, state.rank, (GeneratorFacts("cpu", state.cpu_seed), *cuda))


def _scaler(state: ScalerState, trainer: TrainerState | None) -> ScalerFacts:
    from auditor.compare.states import describe_scaler

    found = describe_scaler(state, trainer.global_step if trainer is not None else None)
    return ScalerFacts(
        found.path, found.scale, found.growths_minus_skips, found.skips, found.growths, found.says
    )
