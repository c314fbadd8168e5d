"""Snapshot -> Inspection: every run, then the folders whose files belong to none."""

from collections.abc import Iterator, Sequence

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.training_args import TrainingArgs
from auditor.compare.pairs import series_of
from auditor.engine.inspect._adapters import adapter_of
from auditor.engine.inspect._bytes import held
from auditor.engine.inspect._options import InspectOptions
from auditor.engine.inspect._relations import relation
from auditor.engine.inspect._states import state_of
from auditor.engine.inspect._steps import steps_of
from auditor.model import Snapshot
from auditor.model.inspection import (
    AdapterInspection,
    CurveInspection,
    Inspection,
    Relation,
    RunInspection,
)
from auditor.runs import Contents, Folder, Run, group, read

ARGUMENTS = (
    *("learning_rate", "lr_scheduler_type", "warmup_ratio", "warmup_steps", "num_train_epochs", "max_steps"),
    *("per_device_train_batch_size", "gradient_accumulation_steps", "optim", "weight_decay", "max_grad_norm"),
    *("seed", "data_seed", "fp16", "bf16", "gradient_checkpointing", "auto_find_batch_size"),
)
"""Training arguments shown, in this order."""


def inspect(snapshot: Snapshot, options: InspectOptions | None = None) -> Inspection:
    """Everything that was read of a snapshot, by run; what was not read, with the reason. Raises nothing."""
    wanted = options or InspectOptions()
    contents = read(snapshot)
    runs = group(contents)
    every = (*runs, *_loose(contents, runs))
    total = sum(item.size for run in every for item in run.all(AdapterWeights)) if wanted.numbers else 0
    work = _Work(wanted, total)
    return Inspection(
        snapshot.name,
        snapshot.commit,
        wanted.numbers,
        tuple(_run(run, work) for run in every),
        contents.unread,
        snapshot.notes,
    )


class _Work:
    """The options, and how far the reading of weights has come."""

    def __init__(self, options: InspectOptions, total: int) -> None:
        self.options, self.total, self.done = options, total, 0

    def tell(self, size: int) -> None:
        self.done += size
        self.options.progress(self.done, self.total, "reading weights")


def _loose(contents: Contents, runs: Sequence[Run]) -> Iterator[Run]:
    """Folders of states, logs or weights that no run owns: a lone optimizer.pt, the weights of a whole model."""
    from auditor.artifacts.event_log import EventLog
    from auditor.artifacts.model_weights import ModelWeights
    from auditor.artifacts.optimizer_state import OptimizerState
    from auditor.artifacts.rng_state import RngState
    from auditor.artifacts.scaler_state import ScalerState
    from auditor.artifacts.scheduler_state import SchedulerState

    owned = {folder.path for run in runs for folder in run.folders}
    owned |= {folder.path for run in runs for lineage in run.others for folder in lineage}
    logged = {log.path for run in runs for log in run.events}
    states = (OptimizerState, SchedulerState, RngState, ScalerState, ModelWeights)
    for path, folder in contents.folders.items():
        events = tuple(log for log in folder.all(EventLog) if log.path not in logged)
        if events or (path not in owned and any(folder.all(kind) for kind in states)):
            label = path or "."
            taken = any(run.name == label for run in runs)
            root = folder if path not in owned else Folder(path, {})
            yield Run(f"{label} (no run)" if taken else label, root, (), contents, events)


def _run(run: Run, work: _Work) -> RunInspection:
    adapters, relations = _adapters(run, work)
    states = tuple(state for folder in run.folders if (state := state_of(folder)) is not None)
    arguments = run.one(TrainingArgs)
    config = run.one(AdapterConfig)
    curves = curves_of(run)
    values = arguments.values if arguments is not None else {}
    return RunInspection(
        path=run.name,
        platform=run.platform,
        base=config.base_model_name_or_path if config else None,
        base_source=run.base_source,
        training_args={key: values[key] for key in ARGUMENTS if values.get(key) is not None},
        training_args_class=arguments.class_name if arguments is not None else None,
        adapters=adapters,
        states=states,
        relations=relations,
        steps=steps_of(run, adapters, states, relations, curves),
        curves=curves,
    )


def curves_of(run: Run) -> tuple[CurveInspection, ...]:
    """The curves of a run, each by step and from one file."""
    from auditor.compare.curves import aligned

    return tuple(
        CurveInspection(tag, path, aligned(points))
        for tag, (path, points) in series_of(run).items()
        if points
    )


def _adapters(run: Run, work: _Work) -> tuple[tuple[AdapterInspection, ...], tuple[Relation, ...]]:
    """Own folder first; each checkpoint is set against the one before it, the own folder against the last.

    Files are taken in the order of training, and two of them are held at a time: none is read twice.
    """
    found: dict[str, AdapterInspection] = {}
    relations: list[Relation] = []
    before: tuple[Folder, AdapterWeights | None] | None = None
    for folder in (*run.checkpoints, run.root):
        weights = folder.one(AdapterWeights)
        if weights is not None and work.options.numbers:
            weights = held(weights)
        item = adapter_of(run, folder, work.options.numbers, weights)
        if item is None:
            continue
        found[folder.path] = item
        if before is not None and item.path is not None:
            made = relation(run, before[0], folder, (before[1], weights), work.options.numbers)
            relations += [] if made is None else [made]
        if item.path is not None and item.kind == "adapter":
            before = folder, weights
        if weights is not None:
            work.tell(weights.size)
    order = (run.root, *run.checkpoints)
    adapters = tuple(found[folder.path] for folder in order if folder.path in found)
    return adapters, tuple(relations)
