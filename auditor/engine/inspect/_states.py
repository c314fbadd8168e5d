"""The training's state in one folder: counters, optimizer, schedule, generators, scaler."""

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.model.inspection import (
    GeneratorFacts,
    OptimizerFacts,
    ScalerFacts,
    SchedulerFacts,
    StateInspection,
    TrainerFacts,
)
from auditor.runs import Folder


def state_of(folder: Folder) -> StateInspection | None:
    """What a folder holds of the training's state; None when there is nothing of it."""
    trainer, optimizer = folder.one(TrainerState), folder.one(OptimizerState)
    scheduler, scaler = folder.one(SchedulerState), folder.one(ScalerState)
    generators = folder.all(RngState)
    if not (trainer or optimizer or scheduler or scaler or generators):
        return None
    return StateInspection(
        folder.path,
        folder.step,
        None if trainer is None else _trainer(trainer),
        None if optimizer is None else _optimizer(optimizer),
        None if scheduler is None else _scheduler(scheduler),
        tuple(GeneratorFacts(g.path, g.rank, g.cpu_seed, g.cuda_seeds) for g in generators),
        None if scaler is None else ScalerFacts(scaler.path, scaler.scale, scaler.growths_minus_skips),
    )


def _trainer(state: TrainerState) -> TrainerFacts:
    return TrainerFacts(
        state.path,
        state.global_step,
        state.max_steps,
        None if state.epoch is None else float(state.epoch),
        state.total_flos,
        len(state.log_history),
    )


def _optimizer(state: OptimizerState) -> OptimizerFacts:
    return OptimizerFacts(
        state.path,
        state.kind,
        state.parameter_count,
        len(state.entries),
        tuple(sorted(state.steps)),
        state.numel,
    )


def _scheduler(state: SchedulerState) -> SchedulerFacts:
    return SchedulerFacts(state.path, state.last_epoch, state.base_lrs, state.last_lr)
