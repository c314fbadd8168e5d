"""Makes a checkpoint folder of what the parent decoded, and hands the optimizer and the schedule their states."""

import functools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
from safetensors.torch import load_file, save_file

from .job import Job, JobError
from .libraries import torch, transformers
from .moments import require_fit, require_same
from .steplog import write_json

_TENSORS, _STATES = "tensors.safetensors", "states.json"


def checkpoint(trainer: Any, job: Job, resume: Path) -> Path:
    """Writes weights, generators, scaler and counters as the Trainer saves them, and adds a `Resumed` to the trainer.

    Neither optimizer.pt nor scheduler.pt is written, which the Trainer takes for nothing to load (transformers 5.23.0,
    trainer.py, ``_load_optimizer_and_scheduler``): their settings stay those of the recipe.
    """
    states = json.loads((resume / _STATES).read_text(encoding="utf-8"))
    tensors = load_file(resume / _TENSORS)
    folder = job.output / "resumed"
    _write_weights(trainer.model, tensors, folder)
    torch.save(_generators(states["rng"]), folder / "rng_state.pth")
    if states["scaler"] is not None:
        torch.save(states["scaler"], folder / "scaler.pt")
    write_json(folder / "trainer_state.json", _counters(states["state"], job, trainer))
    trainer.add_callback(Resumed(states, tensors, trainer.model))
    return folder


def _write_weights(model: Any, tensors: Mapping[str, Any], folder: Path) -> None:
    """Writes the committed adapter, or the committed model in one file, with the configuration of this training."""
    if any(name.startswith("adapter/") for name in tensors):
        model.save_pretrained(str(folder))  # for the configuration; the weights are the committed ones
        kind, path = "adapter/", folder / "adapter_model.safetensors"
    else:
        model.config.save_pretrained(str(folder))
        kind, path = "model/", folder / "model.safetensors"
    committed = {name.removeprefix(kind): value for name, value in tensors.items() if name.startswith(kind)}
    save_file(committed, path, {"format": "pt"})


class Resumed(transformers.TrainerCallback):  # type: ignore[misc]
    """Gives a new optimizer and schedule the states of a checkpoint, once both are made and before the first step."""

    def __init__(self, states: Mapping[str, Any], tensors: Mapping[str, Any], model: Any) -> None:
        self.states, self.tensors = states, tensors
        self.types = {name: item.dtype for name, item in model.named_parameters() if item.requires_grad}

    def on_train_begin(
        self,
        args: Any,
        state: Any,
        control: Any,
        model: Any = None,
        optimizer: Any = None,
        lr_scheduler: Any = None,
        **_: object,
    ) -> None:
        """Loads both; raises JobError for a state that does not fit the recipe's parameters.

        An adapter in half precision is given that type back, which loading it raises to float32 (peft 0.21.2,
        tuners/tuners_utils.py, ``cast_adapter_dtype``): training would go on in another one than it began in.
        """
        for name, item in model.named_parameters():
            if item.requires_grad and item.dtype != self.types.get(name, item.dtype):
                item.data = item.data.to(self.types[name])
        load_optimizer(optimizer, self.states["optimizer"], self.tensors)
        load_schedule(lr_scheduler, optimizer, self.states["scheduler"], self.states["optimizer"]["groups"])


def load_optimizer(optimizer: Any, saved: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
    """Loads tensors and step counts; of the groups' settings only what the parent kept from the file.

    Raises JobError where groups, names or shapes are not those of the optimizer's own parameters, before any kernel
    could read beyond a tensor's end (bitsandbytes' take addresses).
    """
    own = optimizer.state_dict()["param_groups"]
    groups = saved["groups"]
    if [len(group["params"]) for group in groups] != [len(group["params"]) for group in own]:
        raise JobError("the committed optimizer has other groups of parameters than the recipe's")
    inner = getattr(optimizer, "optimizer", optimizer)  # accelerate wraps it
    require_same(inner, saved["of"])
    merged = [{**mine, **_pairs(given)} for mine, given in zip(own, groups, strict=True)]
    optimizer.load_state_dict({"state": _states(saved, tensors), "param_groups": merged})
    require_fit(inner)


def load_schedule(
    schedule: Any, optimizer: Any, saved: Mapping[str, Any], groups: list[Mapping[str, Any]]
) -> None:
    """Sets a schedule to a step: its rates follow from the recipe's own and the step, as they did when saved.

    Source: torch 2.13.0, optim/lr_scheduler.py, LambdaLR: rate = base_lrs x lambda(last_epoch).
    """
    factors = getattr(schedule, "lr_lambdas", None)
    if factors is None:
        raise JobError(f"a {type(schedule).__name__} is not resumed: its rates do not follow from the step")
    schedule.last_epoch = saved["last_epoch"]
    if saved["_step_count"] is not None:
        schedule._step_count = saved["_step_count"]
    schedule.base_lrs = [
        given.get("initial_lr", mine) for given, mine in zip(groups, schedule.base_lrs, strict=True)
    ]
    if saved["earlier_total"] is not None:
        factors = [_of_total(factor, saved["earlier_total"]) for factor in factors]
    schedule._last_lr = [
        base * factor(schedule.last_epoch) for base, factor in zip(schedule.base_lrs, factors, strict=True)
    ]
    for group, rate in zip(optimizer.param_groups, schedule._last_lr, strict=True):
        group["lr"] = rate


def _of_total(factor: Any, total: int) -> Any:
    """A schedule as it was for another total: the optimizer's saved rate makes the first step after resuming.

    Source: transformers 5.23.0, optimization.py, whose schedules are partial functions of ``num_training_steps``.
    Raises JobError for one that is none of the total as such.
    """
    known = getattr(factor, "keywords", {})
    if "num_training_steps" in known:
        return functools.partial(factor.func, **{**known, "num_training_steps": total})
    if any(key.startswith("num_") and key != "num_warmup_steps" for key in known):
        raise JobError(
            "the schedule's steps were raised on resuming, which is followed where it is a function of them"
        )
    return factor


def _states(saved: Mapping[str, Any], tensors: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    state: dict[int, dict[str, Any]] = {}
    for index, step in saved["steps"].items():
        state[int(index)] = {} if saved["counts"] is None else {"step": _step(step, saved["counts"])}
    for name, value in tensors.items():
        kind, _, rest = name.partition("/")
        if kind == "optimizer":
            index, _, key = rest.partition("/")
            state[int(index)][key] = value
    return state


def _step(step: float | None, counts: str) -> Any:
    if step is None:
        raise JobError("the committed optimizer does not say how often a parameter was stepped")
    return torch.tensor(float(step)) if counts == "tensor" else int(step)


def _pairs(group: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no tuples; torch compares betas as one."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in group.items()} | {
        "params": group["params"]
    }


def _generators(rng: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"cpu": _bytes(rng["cpu"])}
    version, words, gauss = rng["python"]
    made["python"] = (version, tuple(words), gauss)
    key, position, has_gauss, cached = rng["numpy"]
    made["numpy"] = ("MT19937", numpy.array(key, dtype=numpy.uint32), position, has_gauss, cached)
    if rng["cuda"]:
        made["cuda"] = _bytes(rng["cuda"][0])
    return made


def _bytes(text: str) -> Any:
    return torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8).clone()


def _counters(state: Mapping[str, Any], job: Job, trainer: Any) -> dict[str, Any]:
    """The counters alone: log, intervals and callbacks are those of this training."""
    return {
        "global_step": job.start_at,
        "epoch": state["epoch"],
        "total_flos": state["total_flos"] or 0,
        "num_input_tokens_seen": state["num_input_tokens_seen"] or 0,
        "log_history": [],
        "train_batch_size": _rows(state["train_batch_size"]) or job.settings.per_device_train_batch_size,
        "max_steps": 0,
        "num_train_epochs": 0,
        "stateful_callbacks": trainer.state.stateful_callbacks,
        # The Trainer keeps the intervals of a state that it loads (transformers 5.23.0, trainer.py).
        "logging_steps": _interval(trainer.args.logging_steps, trainer.args.max_steps),
        "save_steps": _interval(trainer.args.save_steps, trainer.args.max_steps),
        "is_local_process_zero": True,
        "is_world_process_zero": True,
    }


def _rows(size: object) -> int | None:
    """The number that a state brought, which the Trainer keeps and, without auto_find_batch_size, does not use."""
    return size if type(size) is int and 0 < size < 2**31 else None


def _interval(steps: float, total: int) -> float:
    """An interval in steps; below one it is a share of all (trainer_callback.py, `compute_steps`)."""
    return math.ceil(total * steps) if 0 < steps < 1 else steps
