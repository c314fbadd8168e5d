"""The states of a committed checkpoint, decoded by our readers and written afresh for a child that goes on from them.

The child never opens a committed file: it gets one safetensors file of tensors (``adapter/NAME`` or, of a full
fine-tune, ``model/NAME``; ``optimizer/INDEX/KEY``) and one JSON document of plain numbers. What a file could steer
beyond the states themselves is left out: intervals, batches, callbacks and the log are the plan's own, and so is every
setting of the optimizer that the recipe states. ``train_batch_size`` is carried along unused, as the Trainer does.
"""

import ast
import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.errors import CannotRead, IncompleteError
from auditor.model import Setting, Span
from auditor.rerun.planning import gone_on, optimizers
from auditor.rerun.planning.extras import by_length
from auditor.rerun.planning.methods import model_files
from auditor.rerun.planning.shards import shards
from auditor.runs import Folder, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

TENSORS, STATES = "tensors.safetensors", "states.json"
_KEY_BYTES = 2496
"""624 words of an MT19937 key."""
_WHOLE = 1e-6
"""Logged epochs, unrounded since transformers 4.4x, differ from a whole number by less."""
_WORDS = {"float32": "F32", "float16": "F16", "float64": "F64", "bfloat16": "BF16", "uint8": "U8"}
_CODES = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "U8": "u1"}
_SIZES = {"F32": 4, "F16": 2, "F64": 8, "U8": 1, "BF16": 2}


def why_not(run: Run, folder: Folder, optim: object = None) -> str | None:
    """Why training cannot go on from a checkpoint's folder of a run; None when everything it needs was read.

    ``optim`` is the optimizer of the recipe, whose state another's cannot be.
    """
    return (
        _nothing(run, folder)
        or _unsteady(folder)
        or _unwritten(folder, optim)
        or _of_another(folder)
        or _unordered(run, folder)
    )


def _nothing(run: Run, folder: Folder) -> str | None:
    """Which state is not there to go on from."""
    if (reason := shards(run.contents, folder)) is not None:
        return reason
    needed = (AdapterWeights, OptimizerState, SchedulerState, RngState, TrainerState)
    missing = [kind.patterns[0] for kind in needed if folder.one(kind) is None]
    if folder.one(AdapterWeights) is None and model_files(folder):
        missing.remove(AdapterWeights.patterns[0])
    return f"{folder.path} has no readable {missing[0]}" if missing else None


def _unsteady(folder: Folder) -> str | None:
    """Why schedule and generators cannot be set to where they were."""
    scheduler, generators = folder.one(SchedulerState), folder.all(RngState)
    if scheduler is None or scheduler.last_epoch is None or not scheduler.base_lrs:
        return f"the scheduler of {folder.path} is not one whose rates follow from the step"
    if len(generators) != 1 or generators[0].cpu is None:
        return f"{folder.path} was saved by several processes, or without torch's generator"
    return None


def _unwritten(folder: Folder, optim: object) -> str | None:
    """Why the optimizer's state is not written afresh."""
    optimizer = folder.one(OptimizerState)
    if optimizer is None or (not optimizer.entries and optimizers.named(optim) == "SGD"):
        return None
    if optimizers.family(optimizer) is None:
        return f"the optimizer's state of {folder.path} is of a kind that is not written afresh"
    reason = optimizers.unlike(optimizer, optim)
    return None if reason is None else f"the optimizer's state of {folder.path} {reason}"


def _of_another(folder: Folder) -> str | None:
    """Why the states of a checkpoint cannot be those of its step; None when nothing says so."""
    state, scheduler = folder.one(TrainerState), folder.one(SchedulerState)
    weights = {name for item in _files(folder) for name in item.tensors}
    if state is not None and state.global_step != folder.step:
        return f"{folder.path} holds the log of step {state.global_step}"
    optimizer = folder.one(OptimizerState)
    most = max(optimizer.steps, default=0) if optimizer else 0
    if most > (folder.step or 0):
        return f"the optimizer of {folder.path} was stepped {most:g} times"
    if (
        scheduler is not None
        and scheduler.last_epoch is not None
        and scheduler.last_epoch > (folder.step or 0)
    ):
        return f"the scheduler of {folder.path} was stepped {scheduler.last_epoch} times"
    if optimizer is not None and len(optimizer.entries) > len(weights):
        kind = "model" if folder.one(AdapterWeights) is None else "adapter"
        return f"the optimizer of {folder.path} has more parameters than its {kind}"
    return None


def _files(folder: Folder) -> tuple[AdapterWeights, ...]:
    """The adapter of a folder, else the files of its whole model."""
    weights = folder.one(AdapterWeights)
    return model_files(folder) if weights is None else (weights,)


def _unordered(run: Run, folder: Folder) -> str | None:
    """Why the rest of an epoch's order of rows is not known; None where it follows from the seed or the states.

    A sampler by length draws an epoch's order from torch's global generator when the epoch begins (transformers
    5.23.0, trainer_pt_utils.py, ``LengthGroupedSampler``): in the first from the seed, in a later one from a state
    that is saved only where a checkpoint ends the epoch before.
    """
    state = folder.one(TrainerState)
    epoch = state.epoch if state is not None else None
    if epoch is None or not 1 < epoch < math.inf or not by_length(run):
        return None
    if abs(epoch - round(epoch)) < _WHOLE:
        return None
    return f"{folder.path} lies within epoch {int(epoch) + 1}, whose order by length no saved state gives"


def write(run: Run, span: Span, target: Path, settings: Mapping[str, Setting]) -> None:
    """Write the states of ``span.resume`` into a folder, for a recipe of these settings.

    Raises IncompleteError when one cannot be read, and when it is the state of another optimizer.
    """
    folder = next((item for item in run.checkpoints if item.path == span.resume), None)
    optim = settings["optim"].value if "optim" in settings else None
    if folder is None or (reason := why_not(run, folder, optim)) is not None:
        raise IncompleteError(
            f"training cannot go on from {span.resume}: {reason if folder else 'it is not there'}"
        )
    try:
        tensors = {**dict(_weights(folder)), **dict(_moments(folder))}
        states = _states(folder, settings, dict(gone_on.until(run, span.start)).get("max_steps"))
        with (target / TENSORS).open("wb") as stream:
            _write_safetensors(stream, tensors)
    except CannotRead as error:
        raise IncompleteError(f"a state of {span.resume} {error.reason}") from error
    (target / STATES).write_text(json.dumps(states), encoding="utf-8")


Stored = tuple[str, tuple[int, ...], Callable[[], "NDArray[Any]"]]
"""A tensor's type as safetensors spells it, its shape, and what reads it: a whole model is written one by one."""


def _weights(folder: Folder) -> Iterator[tuple[str, Stored]]:
    kind = "model" if folder.one(AdapterWeights) is None else "adapter"
    for weights in _files(folder):
        # A bias is saved where it is trained (peft 0.21.2, utils/save_and_load.py), a weight where it is not.
        copies = {name for name in weights.base_layers() if not name.endswith(".bias")}
        for name, info in weights.tensors.items():
            if name not in copies:
                yield f"{kind}/{name}", (info.dtype, tuple(info.shape), partial(weights.array, name))


def _moments(folder: Folder) -> Iterator[tuple[str, Stored]]:
    optimizer = folder.one(OptimizerState)
    layout = optimizers.family(optimizer) if optimizer else None
    for entry in optimizer.entries if optimizer else ():
        for key in sorted(layout.needed if layout else ()):
            if key not in entry.tensors:
                raise CannotRead(f"has no {key} for parameter {entry.index}")
        for key, ref in entry.tensors.items():
            word = _WORDS.get(ref.dtype.removeprefix("torch."))
            if word is None or optimizer is None:
                raise CannotRead(f"holds moments in {ref.dtype}, which are not written")
            read = partial(optimizer.array, entry.index, key)
            yield f"optimizer/{entry.index}/{key}", (word, tuple(ref.shape), read)


def _states(
    folder: Folder, settings: Mapping[str, Setting], earlier_total: object = None
) -> Mapping[str, object]:
    """Everything but tensors; ``earlier_total`` are the steps that the schedule had when these states were saved."""
    optimizer, scheduler = folder.one(OptimizerState), folder.one(SchedulerState)
    generators, state, scaler = folder.one(RngState), folder.one(TrainerState), folder.one(ScalerState)
    if optimizer is None or scheduler is None or generators is None or state is None:
        raise CannotRead("is missing")  # why_not has said it before
    layout = optimizers.family(optimizer)
    return {
        "optimizer": {
            "of": layout.name if layout else None,
            "counts": layout.counts if layout else None,
            "steps": {str(entry.index): entry.step for entry in optimizer.entries},
            "groups": [
                {**optimizers.kept(group, settings), "params": group["params"]}
                for group in optimizer.param_groups
            ],
        },
        "scheduler": {
            "last_epoch": scheduler.last_epoch,
            "_step_count": scheduler.step_count,
            "earlier_total": earlier_total,
        },
        "rng": _generators(generators),
        "state": {
            "global_step": state.global_step,
            "epoch": state.epoch,
            "total_flos": state.total_flos,
            "num_input_tokens_seen": state.num_input_tokens_seen,
            "train_batch_size": state.raw.get("train_batch_size"),
        },
        "scaler": _scaler(scaler),
    }


def _generators(generators: RngState) -> Mapping[str, object]:
    return {
        "cpu": (generators.cpu or b"").hex(),
        "cuda": [state.hex() for state in generators.cuda],
        "python": generators.python,
        "numpy": _numpy(generators.numpy),
    }


def _numpy(state: bytes | None) -> object:
    """(key as words, position, has_gauss, cached) of `numpy.random.get_state()`, or None."""
    if state is None or len(state) <= _KEY_BYTES:
        return None
    try:
        rest = ast.literal_eval(state[_KEY_BYTES:].decode("ascii"))
    except (ValueError, SyntaxError):
        return None
    return [list(struct.unpack("<624I", state[:_KEY_BYTES])), *rest]


def _scaler(scaler: ScalerState | None) -> Mapping[str, object] | None:
    if scaler is None or scaler.scale is None:
        return None
    return {
        "scale": scaler.scale,
        "growth_factor": scaler.growth_factor,
        "backoff_factor": scaler.backoff_factor,
        "growth_interval": scaler.growth_interval,
        "_growth_tracker": scaler.growth_tracker,
    }


def _write_safetensors(stream: Any, tensors: Mapping[str, Stored]) -> None:
    """One safetensors file; numpy has no bfloat16, so its upper halves are written as they were read."""
    header: dict[str, object] = {}
    place = 0
    for name, (dtype, shape, _) in tensors.items():
        if dtype not in _SIZES:
            raise CannotRead(f"holds tensor {name!r} in {dtype}, which is not written")
        end = place + math.prod(shape) * _SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [place, end]}
        place = end
    text = json.dumps(header).encode()
    stream.write(struct.pack("<Q", len(text)) + text)
    for name, (dtype, shape, read) in tensors.items():
        block = _bytes_of(dtype, read())
        if len(block) != math.prod(shape) * _SIZES[dtype]:
            raise CannotRead(f"holds tensor {name!r} with another size than it says")
        stream.write(block)


def _bytes_of(dtype: str, array: "NDArray[Any]") -> bytes:
    import numpy

    if dtype == "BF16":
        return (numpy.ascontiguousarray(array, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return numpy.ascontiguousarray(array, _CODES[dtype]).tobytes()
