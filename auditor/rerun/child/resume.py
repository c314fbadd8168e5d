"""Makes a checkpoint folder of the states that the parent decoded, for the Trainer to go on from."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
from safetensors.torch import load_file, save_file

from .job import Job
from .libraries import torch
from .steplog import write_json

_TENSORS, _STATES = "tensors.safetensors", "states.json"


def checkpoint(trainer: Any, job: Job, resume: Path) -> Path:
    """Writes adapter, optimizer, scheduler, generators, scaler and counters as the Trainer saves them."""
    states = json.loads((resume / _STATES).read_text(encoding="utf-8"))
    tensors = load_file(resume / _TENSORS)
    folder = job.output / "resumed"
    trainer.model.save_pretrained(str(folder))  # for the configuration; the weights are the committed ones
    adapter = {
        name.partition("/")[2]: value for name, value in tensors.items() if name.startswith("adapter/")
    }
    save_file(adapter, folder / "adapter_model.safetensors", {"format": "pt"})
    torch.save(_optimizer(states, tensors), folder / "optimizer.pt")
    torch.save({**states["scheduler"], "lr_lambdas": _no_lambdas(states)}, folder / "scheduler.pt")
    torch.save(_generators(states["rng"]), folder / "rng_state.pth")
    if states["scaler"] is not None:
        torch.save(states["scaler"], folder / "scaler.pt")
    write_json(folder / "trainer_state.json", _counters(states["state"], job, trainer))
    return folder


def _optimizer(states: Mapping[str, Any], tensors: Mapping[str, Any]) -> dict[str, Any]:
    state: dict[int, dict[str, Any]] = {}
    for index, step in states["steps"].items():
        state[int(index)] = {
            "step": torch.tensor(float(step)),
            "exp_avg": tensors[f"optimizer/{index}/exp_avg"],
            "exp_avg_sq": tensors[f"optimizer/{index}/exp_avg_sq"],
        }
    groups = [{**group, **_pair(group)} for group in states["param_groups"]]
    return {"state": state, "param_groups": groups}


def _pair(group: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no tuples; torch compares betas as one."""
    return {"betas": tuple(group["betas"])} if "betas" in group else {}


def _no_lambdas(states: Mapping[str, Any]) -> list[None]:
    """LambdaLR saves None for each plain function (torch 2.13.0, optim/lr_scheduler.py)."""
    return [None] * len(states["scheduler"].get("base_lrs", ()))


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
        "train_batch_size": job.settings.per_device_train_batch_size,
        "max_steps": 0,
        "num_train_epochs": 0,
        "stateful_callbacks": trainer.state.stateful_callbacks,
        # The Trainer keeps the intervals of a state that it loads (transformers 5.23.0, trainer.py).
        "logging_steps": _interval(trainer.args.logging_steps, trainer.args.max_steps),
        "save_steps": _interval(trainer.args.save_steps, trainer.args.max_steps),
        "is_local_process_zero": True,
        "is_world_process_zero": True,
    }


def _interval(steps: float, total: int) -> float:
    """An interval in steps; below one it is a share of all (trainer_callback.py, `compute_steps`)."""
    return math.ceil(total * steps) if 0 < steps < 1 else steps
