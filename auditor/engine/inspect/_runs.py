"""Snapshot -> Inspection: every run, then the folders whose files belong to none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditor.artifacts._base import Artifact
from auditor.artifacts._number_formats import numpy_module
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.engine.inspect._adapters import adapter_of
from auditor.engine.inspect._curves import curves_of
from auditor.engine.inspect._options import InspectOptions
from auditor.engine.inspect._reach import reach_of, with_still_ones
from auditor.engine.inspect._reading import runs_of
from auditor.engine.inspect._relations import relation
from auditor.engine.inspect._seed import seed_of
from auditor.engine.inspect._states import state_of
from auditor.engine.inspect._steps import steps_of
from auditor.engine.inspect._weights import Read, read_weights
from auditor.model import Snapshot
from auditor.model.inspection import (
    AdapterInspection,
    Inspection,
    Relation,
    RunInspection,
    StateInspection,
)
from auditor.runs import Folder, Run

if TYPE_CHECKING:
    from auditor.compare.curve_table import CurveRow

ARGUMENTS = (
    *("learning_rate", "lr_scheduler_type", "warmup_ratio", "warmup_steps", "num_train_epochs", "max_steps"),
    *("per_device_train_batch_size", "gradient_accumulation_steps", "optim", "weight_decay", "max_grad_norm"),
    *("seed", "data_seed", "fp16", "bf16", "gradient_checkpointing", "auto_find_batch_size"),
)
"""Training arguments shown, in this order."""


@dataclass(frozen=True, slots=True)
class Looked:
    """An inspection, and the runs that it speaks of."""

    inspection: Inspection
    runs: tuple[Run, ...]

    def logged(self) -> "Iterator[CurveRow]":
        """Every logged number of every run, as `auditor.compare.curve_table` has it."""
        from auditor.compare.curve_table import rows_of

        for run in self.runs:
            yield from rows_of(run)


def look(snapshot: Snapshot, options: InspectOptions | None = None) -> Looked:
    """Everything that was read of a snapshot, by run; what was not read, with the reason.

    Raises UsageError for an unusable base folder, and nothing else.
    """
    wanted = options or InspectOptions()
    if wanted.numbers:
        # Before anybody else imports NumPy: with one BLAS thread, which costs a quarter of the time.
        numpy_module()
    contents, every = runs_of(snapshot, wanted.base)
    work = _Work(wanted, every)
    found = Inspection(
        snapshot.name,
        snapshot.commit,
        wanted.numbers,
        tuple(_run(run, work) for run in every),
        contents.unread,
        snapshot.notes,
    )
    return Looked(found, every)


def inspect(snapshot: Snapshot, options: InspectOptions | None = None) -> Inspection:
    """The inspection that `look` gives."""
    return look(snapshot, options).inspection


class _Work:
    """The options, and how far the reading of weights has come."""

    def __init__(self, options: InspectOptions, runs: Sequence[Run]) -> None:
        self.options, self.done = options, 0
        folders = [(run, folder) for run in runs for folder in run.folders]
        self.total = sum(_size(*place, kind) for place in folders for kind in _READ) if options.numbers else 0

    def tell(self, size: int, what: str) -> None:
        if size > 0 and self.total:
            self.done += size
            self.options.progress(self.done, self.total, what)


_READ: tuple[type[Artifact], ...] = (AdapterWeights, OptimizerState)


def _size(run: Run, folder: Folder, kind: type[Artifact]) -> int:
    """Bytes of the files of a kind in a folder."""
    files = run.contents.snapshot.files
    return sum(files[item.path].size or 0 for item in folder.all(kind))


def _run(run: Run, work: _Work) -> RunInspection:
    arguments = run.one(TrainingArgs)
    values = arguments.values if arguments is not None else {}
    read = _read(run, work) if work.options.numbers else None
    adapters, relations = _adapters(run, read)
    states = _states(run, values, work)
    config = run.one(AdapterConfig)
    curves = curves_of(run)
    found = RunInspection(
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
    if read is None:
        return found
    seed = seed_of(run, work.options, read)
    said, seeded = (None, None) if seed is None else seed
    reach = reach_of(run, found.adapter, seeded)
    return replace(found, adapters=with_still_ones(adapters, run, seeded), seed=said, reach=reach)


def _read(run: Run, work: _Work) -> Read:
    left = sum(_size(run, folder, AdapterWeights) for folder in run.folders)

    def told(size: int) -> None:
        nonlocal left
        left -= size
        work.tell(size, "reading weights")

    found = read_weights(run, work.options, told)
    work.tell(left, "reading weights")
    return found


def _states(run: Run, arguments: Mapping[str, object], work: _Work) -> tuple[StateInspection, ...]:
    last = next((f for f in (*reversed(run.checkpoints), run.root) if _has_state(f)), None)
    found: list[StateInspection] = []
    for folder in run.folders:
        state = state_of(run, folder, arguments, work.options.numbers, folder is last)
        found += [] if state is None else [state]
        work.tell(_size(run, folder, OptimizerState), "reading optimizer states")
    return tuple(found)


def _has_state(folder: Folder) -> bool:
    return any(folder.all(kind) for kind in (OptimizerState, SchedulerState, RngState))


def _adapters(run: Run, read: Read | None) -> tuple[tuple[AdapterInspection, ...], tuple[Relation, ...]]:
    """Own folder first; each checkpoint is set against the one before it, the own folder against the last."""
    found: dict[str, AdapterInspection] = {}
    relations: list[Relation] = []
    before: Folder | None = None
    for folder in (*run.checkpoints, run.root):
        item = adapter_of(run, folder, read)
        if item is None:
            continue
        found[folder.path] = item
        if item.path is None or item.kind != "adapter":
            continue
        if before is not None:
            made = relation(run, before, folder, read is not None, read.relations if read is not None else {})
            relations += [] if made is None else [made]
        before = folder
    order = (run.root, *run.checkpoints)
    adapters = tuple(found[folder.path] for folder in order if folder.path in found)
    return adapters, tuple(relations)
