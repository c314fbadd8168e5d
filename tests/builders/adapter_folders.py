"""Folders of adapters and checkpoints made in code, as {path: bytes}, and the numbers that they must give."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.pickles import make_optimizer, make_rng, make_scheduler
from tests.builders.safetensors import make_adapter

Array = NDArray[Any]
Factors = Mapping[str, tuple[Array, Array]]
KINDS = ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj")
RANK, ALPHA = 4, 8.0
BASE = "somebody/some-base"


def modules(layers: int = 3, kinds: Sequence[str] = KINDS) -> list[str]:
    """Names as PEFT's files have them: ``model.layers.0.self_attn.q_proj``."""
    return [f"model.layers.{layer}.{kind}" for layer in range(layers) for kind in kinds]


def factors(seed: int = 0, names: Sequence[str] = (), shape: tuple[int, int] = (12, 10)) -> dict[str, Any]:
    """Random factors in float32: A is (4, in), B (out, 4) for each name."""
    generator = numpy.random.default_rng(seed)
    out, inside = shape
    return {
        name: (
            generator.normal(0, 0.1, (RANK, inside)).astype(numpy.float32),
            generator.normal(0, 0.05, (out, RANK)).astype(numpy.float32),
        )
        for name in names or modules()
    }


def config(**values: object) -> bytes:
    """An adapter_config.json of rank 4 and alpha 8."""
    raw = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": ALPHA,
        "target_modules": ["q_proj", "v_proj", "down_proj"],
        "base_model_name_or_path": BASE,
        **values,
    }
    return json.dumps(raw).encode()


def folder(made: Factors, path: str = "", **values: object) -> dict[str, bytes]:
    """The two files of an adapter in a folder."""
    start = f"{path}/" if path else ""
    return {
        f"{start}adapter_config.json": config(**values),
        f"{start}adapter_model.safetensors": make_adapter(made),
    }


def state(steps: int, maximum: int) -> bytes:
    """A trainer_state.json with one logged row a step: loss 10/(step + 1), rate 1e-4, gradient norm 1/step."""
    rows = [
        {"step": s, "epoch": s / maximum, "loss": 10 / (s + 1), "learning_rate": 1e-4, "grad_norm": 1 / s}
        for s in range(1, steps + 1)
    ]
    return json.dumps(
        {"global_step": steps, "max_steps": maximum, "epoch": steps / maximum, "log_history": rows}
    ).encode()


def moved(made: Factors, by: float) -> dict[str, Any]:
    """The same adapter with every B scaled, as training would have it."""
    return {name: (a, (b * numpy.float32(by)).astype(b.dtype)) for name, (a, b) in made.items()}


def run(checkpoints: int, path: str = "", seed: int = 0, layers: int = 3) -> dict[str, bytes]:
    """A run that saves every step: B grows evenly, the own folder holds the last checkpoint's adapter."""
    start = f"{path}/" if path else ""
    made = factors(seed, modules(layers))
    files: dict[str, bytes] = {}
    for step in range(1, checkpoints + 1):
        name = f"{start}checkpoint-{step}"
        files |= folder(moved(made, step / checkpoints), name)
        files[f"{name}/trainer_state.json"] = state(step, checkpoints)
        files[f"{name}/optimizer.pt"] = make_optimizer([(RANK, 10), (12, RANK)], step=float(step))
        files[f"{name}/scheduler.pt"] = make_scheduler(last_epoch=step)
        files[f"{name}/rng_state.pth"] = make_rng(seed=42)
    return {**files, **folder(made, path)}


def dense(made: Factors, scaling: float = ALPHA / RANK) -> dict[str, Array]:
    """Every update formed in float64."""
    return {
        name: scaling * b.astype(numpy.float64) @ a.astype(numpy.float64) for name, (a, b) in made.items()
    }


def snapshot(files: Mapping[str, bytes], name: str = "candidate") -> Snapshot:
    """The files in memory."""
    return memory_snapshot(name, dict(files))


def pointer(size: int = 1_000_000, digit: str = "a") -> bytes:
    """A Git LFS pointer whose content is nowhere."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digit * 64}\nsize {size}\n".encode()
