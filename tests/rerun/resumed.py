"""Trainings under many optimizers, whole and from their own checkpoint in the middle, on the device asked for."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save_file

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.model import Setting, Span
from auditor.rerun import runner
from auditor.rerun.environments import environment
from auditor.rerun.followed import Followed
from auditor.rerun.planning import resume
from auditor.rerun.planning.methods import model_files
from auditor.runs import Folder, Run, group, read
from auditor.sources import directory
from tests.rerun import tiny_llama

HALF, END = 3, 6
RECIPE: dict[str, Any] = {
    "r": 160,  # 160 x 32 elements are kept in bytes by an 8-bit optimizer, 16 x 160 in floats
    "target_modules": ["q_proj", "v_proj"],
    "task_type": "CAUSAL_LM",
    "lora_dropout": 0.1,
    "per_device_train_batch_size": 2,
    "learning_rate": 2e-3,
    "weight_decay": 0.01,
    "warmup_steps": 1,
    "max_steps": END,
    "save_steps": HALF,
    "logging_steps": 1,
}
TORCH = ("adamw_torch", "adamw_torch_fused", "sgd", "adagrad", "rmsprop", "adafactor")
PAGED = (
    "paged_adamw_32bit",
    "paged_adamw_8bit",
    "paged_lion_32bit",
    "paged_lion_8bit",
    "paged_ademamix_8bit",
)
BYTES = ("adamw_bnb_8bit", "lion_8bit", "rmsprop_bnb_8bit", "ademamix_8bit")
FLOATS = ("lion_32bit", "rmsprop_bnb", "ademamix")
WITH_ARGUMENTS: Mapping[str, dict[str, str]] = {
    "sgd-momentum": {"optim": "sgd", "optim_args": "momentum=0.9,nesterov=true"},
    "rmsprop-centered": {"optim": "rmsprop", "optim_args": "momentum=0.9,centered=true"},
}
OF_TRL: Mapping[str, dict[str, Any]] = {
    "sft": {"trainer": "sft", "max_length": 32, "compute_dtype": "bfloat16", "gradient_checkpointing": True},
    "sft-packed": {"trainer": "sft", "max_length": 16, "packing": True},
    "sft-int4": {"trainer": "sft", "max_length": 32, "quantization": "int4", "compute_dtype": "bfloat16"},
    "dpo": {"trainer": "dpo", "trainer_arguments": {"beta": 0.2}},
}
"""TRL's trainers; on a quantised base SFTTrainer keeps the adapter in bfloat16 (trl 1.16.0, trainer/sft_trainer.py)."""


OF_MODELS: Mapping[str, dict[str, Any]] = {
    "full": {"peft_type": None, "optim": "adamw_torch"},
    "full-bfloat16": {"peft_type": None, "optim": "adamw_torch", "dtype": "bfloat16"},
}
"""Full fine-tunes, in the base's type and in one that numpy lacks."""
SCALED: Mapping[str, dict[str, Any]] = {
    "fp16": {"compute_dtype": "float16", "optim": "adamw_torch"},
    "fp16-full": {"compute_dtype": "float16", "optim": "adamw_torch", "peft_type": None},
}
"""Trainings with a gradient scaler, which only a GPU has; its scale of 65,536 overflows in the first steps."""


@dataclass(frozen=True)
class Trained:
    """Whole trainings of several optimizers, and the same from their checkpoint in the middle."""

    folder: Path

    def run(self, name: str) -> Run:
        return group(read(directory.snapshot(self.folder / name)), None)[0]

    def end(self, name: str) -> Folder:
        (found,) = [item for item in self.run(name).checkpoints if item.step == END]
        return found


def settings_of(name: str) -> dict[str, Any]:
    """The recipe under an optimizer; on a GPU a paged one pages states of 100,000 elements and more: 3,200 x 32."""
    rank = {"r": 3200} if name in PAGED else {}
    if name in OF_MODELS or name in SCALED:
        return {**RECIPE, "r": 4, **OF_MODELS.get(name, {}), **SCALED.get(name, {})}
    if name in OF_TRL:
        return {**RECIPE, "r": 4, "optim": "adamw_torch", **OF_TRL[name]}
    return {**RECIPE, **rank, **WITH_ARGUMENTS.get(name, {"optim": name})}


def order(folder: Path, name: str, run: str, **more: Any) -> dict[str, Any]:
    data = "pairs.jsonl" if name == "dpo" else "rows.jsonl"
    inputs = {"base": str(folder / "base"), "data": str(folder / data)}
    return {
        "name": run,
        "output": str(folder / run),
        "settings": settings_of(name),
        "stop_at": END,
        **inputs,
        **more,
    }


@contextmanager
def child(folder: Path, device: str) -> Iterator[Callable[[Sequence[Mapping[str, object]]], None]]:
    """A warm child on a device, as what trains one order after another."""
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}
    followed = Followed(0)
    surroundings = environment.variables({**os.environ, **hidden}, 1)
    (folder / "child").mkdir()
    with runner.Child(folder / "child", environment=surroundings, threads=1) as found:
        yield lambda orders: found.train(orders, followed, lambda *_: None, 500)


def states(folder: Path, name: str, target: str, stated: Sequence[str] = ("optim", "learning_rate")) -> Path:
    """The states of a training's middle, as an audit writes them for a recipe that states these settings."""
    known = {key: Setting(value, "test", key not in stated) for key, value in settings_of(name).items()}
    run = group(read(directory.snapshot(folder / name)), None)[0]
    (folder / target).mkdir()
    resume.write(run, Span(HALF, END, f"checkpoint-{HALF}"), folder / target, known)
    return folder / target


def both(folder: Path, names: Sequence[str], device: str) -> Trained:
    """Train each whole, then each from its checkpoint; and `VARIED`, from the checkpoint of the first."""
    with tiny_llama.as_in_a_child():
        tiny_llama.make_base(folder / "base")
    tiny_llama.make_rows(folder / "rows.jsonl")
    tiny_llama.make_pairs(folder / "pairs.jsonl")
    with child(folder, device) as train:
        train([order(folder, name, name) for name in names])
        parts = [
            order(
                folder, name, f"{name}-on", start_at=HALF, resume=str(states(folder, name, f"{name}-states"))
            )
            for name in names
        ]
        train([*parts, *varied(folder, names[0])])
    return Trained(folder)


VARIED = ("forgotten", "other-rate-stated", "other-rate-assumed")


def varied(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """From the same checkpoint: with moments of zero, and under another rate, stated or assumed."""
    zeroed = states(folder, name, "zeroed-states")
    tensors = load_file(zeroed / resume.TENSORS)
    save_file(
        {key: value * 0 if key.startswith("optimizer") else value for key, value in tensors.items()},
        zeroed / resume.TENSORS,
    )
    yield order(folder, name, VARIED[0], start_at=HALF, resume=str(zeroed))
    faster = {**settings_of(name), "learning_rate": 1.1 * RECIPE["learning_rate"]}
    for run, stated in ((VARIED[1], ("optim", "learning_rate")), (VARIED[2], ("optim",))):
        found = states(folder, name, f"{run}-states", stated)
        yield order(folder, name, run, start_at=HALF, resume=str(found), settings=faster)


def adapter(folder: Folder) -> dict[str, bytes]:
    """The adapter, or the whole model."""
    weights = folder.one(AdapterWeights)
    files = model_files(folder) if weights is None else (weights,)
    assert files
    return {name: item.array(name).tobytes() for item in files for name in item.tensors}


def types(folder: Folder) -> set[str]:
    """The types of the first moments."""
    optimizer = folder.one(OptimizerState)
    assert optimizer is not None
    return {ref.dtype for item in optimizer.entries for key, ref in item.tensors.items() if key == "state1"}


def assert_same_bits(trained: Trained, name: str) -> None:
    """Adapter, moments, step counts, schedule and generators after the last step."""
    whole, part = trained.end(name), trained.end(f"{name}-on")
    assert adapter(whole) == adapter(part)
    mine, theirs = whole.one(OptimizerState), part.one(OptimizerState)
    assert mine is not None
    assert theirs is not None
    assert mine.param_groups == theirs.param_groups
    assert [item.step for item in mine.entries] == [item.step for item in theirs.entries]
    for a, b in zip(mine.entries, theirs.entries, strict=True):
        assert set(a.tensors) == set(b.tensors)
        for key in a.tensors:
            assert mine.array(a.index, key).tobytes() == theirs.array(b.index, key).tobytes(), key
    left, right = whole.one(SchedulerState), part.one(SchedulerState)
    assert left is not None
    assert right is not None
    assert (left.base_lrs, left.last_lr, left.last_epoch) == (right.base_lrs, right.last_lr, right.last_epoch)
    drawn, again = whole.one(RngState), part.one(RngState)
    assert drawn is not None
    assert again is not None
    assert (drawn.cpu, drawn.cuda) == (again.cpu, again.cuda)
    assert scaler(whole) == scaler(part)


def scaler(folder: Folder) -> tuple[float | None, int | None] | None:
    """Scale and growth tracker of a gradient scaler; None without one."""
    found = folder.one(ScalerState)
    return None if found is None else (found.scale, found.growth_tracker)
