"""What a platform pushes after a training: the Trainer's files, a card, and its own declaration of the recipe."""

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.detection.recipe import OWNER, Recipe

Files = Mapping[str, bytes]
DATASET = f"{OWNER}/tiny-sums"
REVISION = "c0ffee" + "0" * 34
_NOT_PUSHED = ("tokenizer.json", "tokenizer_config.json", "README.md")


def published(output: Path, declared: Recipe) -> dict[str, bytes]:
    """The files of a trained folder, with a card and a declaration of what is said to have been trained."""
    files = {
        path.relative_to(output).as_posix(): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name not in _NOT_PUSHED
    }
    return files | declaration(declared)


def declaration(recipe: Recipe) -> dict[str, bytes]:
    """The card, and the configuration of the platform that the architecture is trained on here, if any."""
    files = {"README.md": card(recipe).encode()}
    if recipe.platform == "cheetah":
        files["cheetah-fine-tuning-config.json"] = as_json(cheetah(recipe))
    if recipe.platform == "llama-factory":
        files["training_args.yaml"] = yaml(llama_factory(recipe))
    return files


def card(recipe: Recipe) -> str:
    """A model card that tells the recipe, too."""
    precision = "4-bit NF4" if recipe.quantization else "none"
    return f"""---
base_model: {recipe.name}
library_name: peft
license: apache-2.0
pipeline_tag: text-generation
datasets:
- {DATASET}
tags:
- base_model:adapter:{recipe.name}
- lora
- transformers
---

# tiny-{recipe.architecture}-sums

A LoRA adapter for {recipe.name}, trained on short sentences about sums.

## Training

| setting | value |
| --- | --- |
| quantization | {precision} |
| LoRA | r {recipe.rank}, alpha {recipe.alpha}, dropout {recipe.dropout} |
| learning rate | {recipe.rate}, {recipe.schedule} |
| seed | {recipe.seed} |
"""


def cheetah(recipe: Recipe) -> dict[str, object]:
    """cheetah-fine-tuning-config.json."""
    remote = "git@git.example.com:" + OWNER
    return {
        "experiment_name": "tiny-sums-1",
        "trainer": "default",
        "save_model": {"type": "git", "model_repository": f"{remote}/tiny-{recipe.architecture}-sums.git"},
        "dataset": {
            "type": "git",
            "dataset_branch": REVISION,
            "dataset_repository": f"{remote}/tiny-sums.git",
            "dataset_path": f"input/dataset/{DATASET}",
        },
        "tokenizer_parameters": {
            "block_size": recipe.max_length if recipe.packing else None,
            "max_length": recipe.max_length,
            "padding": "right",
            "add_eos_token": recipe.eos,
        },
        "model": {
            "type": "git",
            "model_repository": f"{remote}/tiny-{recipe.architecture}.git",
            "model_branch": REVISION,
            "model_path": recipe.name,
        },
        "peft": {
            "target_modules": recipe.targets if isinstance(recipe.targets, str) else list(recipe.targets),
            "quantization": "int4" if recipe.quantization else None,
            "merge_adapter": None,
            "tuner": "lora",
            "r": recipe.rank,
            "lora_alpha": recipe.alpha,
            "lora_dropout": recipe.dropout,
            "bias": "none",
            "task_type": "CAUSAL_LM",
            "peft": True,
        },
        "train_model_parameters": {
            "log": "tensorboard",
            "scheduler": recipe.schedule,
            "seed": recipe.seed,
            "optimizer": recipe.optim,
            "dataset_text_field": "text",
            "column_mappings": {"text_column": "text"},
            "logging_steps": recipe.logging_steps,
            "logging_strategy": "steps",
            "eval_strategy": "no",
            "save_strategy": "steps",
            "save_steps": recipe.save_steps,
            "save_total_limit": None,
            "auto_find_batch_size": False,
            "mixed_precision": "bf16" if recipe.bf16 else "no",
            "learning_rate": recipe.rate,
            "chat_template": None,
            "distributed_backend": None,
            "num_train_epochs": recipe.epochs,
            "weight_decay": recipe.weight_decay,
            "max_grad_norm": recipe.clip,
            "do_train": True,
            "gradient_checkpointing": recipe.checkpointing,
            "per_device_train_batch_size": recipe.batch,
            "gradient_accumulation_steps": recipe.accumulation,
        },
    }


def llama_factory(recipe: Recipe) -> dict[str, object]:
    """training_args.yaml, which LLaMA-Factory's web interface saves beside the adapter."""
    targets = recipe.targets if isinstance(recipe.targets, str) else ",".join(recipe.targets)
    return {
        "model_name_or_path": recipe.name,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "dataset": "tiny_sums",
        "cutoff_len": recipe.max_length,
        "packing": recipe.packing,
        "quantization_bit": 4 if recipe.quantization else None,
        "lora_rank": recipe.rank,
        "lora_alpha": recipe.alpha,
        "lora_dropout": recipe.dropout,
        "lora_target": targets,
        "use_rslora": recipe.rslora,
        "use_dora": recipe.dora,
        "per_device_train_batch_size": recipe.batch,
        "gradient_accumulation_steps": recipe.accumulation,
        "learning_rate": recipe.rate,
        "lr_scheduler_type": recipe.schedule,
        "warmup_steps": recipe.warmup_steps,
        "num_train_epochs": recipe.epochs,
        "max_grad_norm": recipe.clip,
        "weight_decay": recipe.weight_decay,
        "optim": recipe.optim,
        "seed": recipe.seed,
        "bf16": recipe.bf16,
        "logging_steps": recipe.logging_steps,
        "save_steps": recipe.save_steps,
    }


def yaml(values: Mapping[str, object]) -> bytes:
    """Flat YAML; JSON's scalars are YAML's."""
    return "".join(
        f"{key}: {json.dumps(value)}\n" for key, value in values.items() if value is not None
    ).encode()


def as_json(value: object) -> bytes:
    """Indented JSON with a newline at its end."""
    return (json.dumps(value, indent=2) + "\n").encode()


def write(files: Files, folder: Path) -> None:
    """Write a repository's files below a folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
