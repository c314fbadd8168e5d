"""Snapshot -> runs, reading only the files that an inspection shows: no tokenizers, no cards."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from auditor.artifacts._base import Artifact
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.event_log import EventLog
from auditor.artifacts.model_weights import ModelWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.artifacts.weight_index import WeightIndex
from auditor.engine.inspect._nameless import add, said_of_unread, with_nameless
from auditor.errors import CannotRead
from auditor.model import Snapshot, Unread
from auditor.runs import Contents, Folder, Run, group, read

_STATES: tuple[type[Artifact], ...] = (OptimizerState, SchedulerState, RngState, ScalerState, ModelWeights)
_KINDS = frozenset(
    {*_STATES, AdapterConfig, AdapterWeights, BaseConfig, EventLog, TrainerState, TrainingArgs, WeightIndex}
)


def runs_of(snapshot: Snapshot, base: Path | None = None) -> tuple[Contents, tuple[Run, ...]]:
    """What was read, and the runs in it; folders of states, logs or weights that no run owns are runs of their own.

    ``base`` is the folder of the base model. Raises UsageError when it holds no config.json.
    """
    contents = with_nameless(_with_parts(read(snapshot, _KINDS)))
    runs = group(contents, _base(base))
    return contents, (*runs, *_loose(contents, runs))


def _with_parts(contents: Contents) -> Contents:
    """With the weight files of which only sparse and quantized tensors are not read; what is said of these names them.

    Rules do not see such files, so that none takes a tensor for missing.
    """
    folders, unread = dict(contents.folders), list(contents.unread)
    for number, item in enumerate(unread):
        found = _in_part(contents, item)
        if found is not None:
            add(folders, found)
            unread[number] = replace(item, reason=said_of_unread(found))
    return replace(contents, folders=dict(sorted(folders.items())), unread=tuple(unread))


def _in_part(contents: Contents, item: Unread) -> AdapterWeights | None:
    kind = next((kind for kind in (AdapterWeights, ModelWeights) if kind.matches(item.path)), None)
    if kind is None or item.state != "unreadable" or not item.path.endswith(".bin"):
        return None
    try:
        found = kind.in_part(contents.snapshot.files[item.path])
    except CannotRead:
        return None
    return found if found.unread else None


def _base(folder: Path | None) -> BaseConfig | None:
    if folder is None:
        return None
    from auditor.engine._look import base_config

    return base_config(folder)


def _loose(contents: Contents, runs: Sequence[Run]) -> Iterator[Run]:
    """A lone optimizer.pt, the weights of a whole model, event files beside no adapter."""
    owned = {folder.path for run in runs for folder in run.folders}
    owned |= {folder.path for run in runs for lineage in run.others for folder in lineage}
    logged = {log.path for run in runs for log in run.events}
    names = {run.name for run in runs}
    for path, folder in contents.folders.items():
        events = tuple(log for log in folder.all(EventLog) if log.path not in logged)
        if events or (path not in owned and any(folder.all(kind) for kind in _STATES)):
            label = path or "."
            root = Folder(path, {}) if path in owned else folder
            yield Run(f"{label} (no run)" if label in names else label, root, (), contents, events)
