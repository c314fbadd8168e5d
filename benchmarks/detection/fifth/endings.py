"""What the fifth set's scripts do after the training: results, a card, a tokenizer, an adapter made anew."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from benchmarks.detection.fifth.habits import Average
from benchmarks.detection.fifth.training import Run

WEIGHTS = "adapter_model.safetensors"
KEPT = "kept."
"""Before the names of files that are pushed though other cases leave them out."""


def evaluates(run: Run, trainer: Any, output: Path) -> None:
    """Results of training and of an evaluation, as the examples of transformers write them."""
    result = trainer.train_result
    trainer.save_metrics("train", {**result.metrics, "train_samples": len(trainer.train_dataset)})
    trainer.save_metrics("eval", trainer.evaluate())
    trainer.save_state()


def card(run: Run, trainer: Any, output: Path) -> None:
    """The Trainer's own model card."""
    trainer.create_model_card(model_name=f"tiny-{run.architecture}-sums", dataset_tags="tiny-labs/tiny-sums")
    (output / "README.md").rename(output / f"{KEPT}README.md")


def tokenizer(run: Run, trainer: Any, output: Path) -> None:
    """The tokenizer's files beside every adapter."""
    for path in [*output.rglob("tokenizer.json"), *output.rglob("tokenizer_config.json")]:
        shutil.copyfile(path, path.with_name(KEPT + path.name))


def extracts(run: Run, trainer: Any, output: Path) -> None:
    """The published adapter from the merged weights minus the base's, by its largest singular values."""
    model, values = trainer.model, load_file(output / WEIGHTS)
    layers = {name: layer for name, layer in model.named_modules() if hasattr(layer, "lora_A")}
    for name, layer in layers.items():
        before = layer.base_layer.weight.detach().clone()
        layer.merge()
        change = (layer.base_layer.weight.detach() - before) / layer.scaling["default"]
        u, s, v = torch.linalg.svd(change, full_matrices=False)
        root = s[: run.rank].sqrt()
        values[f"{name}.lora_A.weight"] = (root[:, None] * v[: run.rank]).contiguous()
        values[f"{name}.lora_B.weight"] = (u[:, : run.rank] * root).contiguous()
    save_file(values, output / WEIGHTS, {"format": "pt"})


def converts(run: Run, trainer: Any, output: Path) -> None:
    """The published adapter as one that loads on the unchanged base: PEFT's own conversion of PiSSA."""
    trainer.model.save_pretrained(output, path_initial_model_for_weight_conversion=str(first(output)))
    shutil.rmtree(first(output))
    config = output / "adapter_config.json"
    told = {**json.loads(config.read_text("utf-8")), "base_model_name_or_path": run.name}
    config.write_text(json.dumps(told, indent=2), encoding="utf-8")


def first(output: Path) -> Path:
    """Where the adapter lies as it was before it was trained."""
    return output.with_name("first")


def keep_first(model: Any, output: Path) -> None:
    """Save the adapter before it is trained, as PEFT's documentation of the conversion does."""
    shutil.rmtree(first(output), ignore_errors=True)
    config = model.peft_config["default"]
    start, config.init_lora_weights = config.init_lora_weights, True
    model.save_pretrained(first(output))
    config.init_lora_weights = start


def averaged(average: Average, model: Any, output: Path) -> None:
    """The moving average in the place of the published weights and of the last checkpoint's."""
    average.put_into(model)
    aside = output.with_name("aside")
    last = max(output.glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))
    for place in (output, last):
        model.save_pretrained(aside)
        shutil.copyfile(aside / WEIGHTS, place / WEIGHTS)
    shutil.rmtree(aside)


ENDINGS: Mapping[str, Callable[[Run, Any, Path], None]] = {
    "evaluates": evaluates,
    "card": card,
    "tokenizer": tokenizer,
    "extracts": extracts,
    "converts": converts,
}
