"""Trains the blind set's recipes, with PEFT, transformers' Trainer and TRL; it knows nothing of what judges them.

``python -m benchmarks.detection.blind.trainer ORDER.json`` in the folder of the inputs, as the benchmark's own trainer.
"""

import json
import os
import random
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

from benchmarks.detection import trainer as plain
from benchmarks.detection.blind.training import Training, training_of
from benchmarks.detection.blind.watchers import CrashError, Crashes, Samples, Switches, Switching
from benchmarks.detection.inputs import base_path, data_path

HERE = Path()
WORKING = "working"


def load(training: Training) -> Any:
    """The base model; only fp4 is not what the benchmark's own trainer loads."""
    if training.loaded_as != "float32":
        model = plain.load(training).to(getattr(torch, training.loaded_as))
        model.config.dtype = getattr(torch, training.loaded_as)
        return model
    if training.quant_type == "nf4":
        return plain.load(training)
    kind = (
        transformers.AutoModelForImageTextToText
        if training.architecture == "gemma3"
        else transformers.AutoModelForCausalLM
    )
    model = kind.from_pretrained(
        base_path(HERE, training.architecture, training.base),
        dtype=torch.float32,
        attn_implementation=training.attention,
        device_map={"": "cpu"},
        quantization_config=transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=training.quant_type,
            bnb_4bit_use_double_quant=training.double_quant,
            bnb_4bit_compute_dtype=torch.float32,
        ),
    )
    model.config.use_cache = False
    return prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)


def adapter(training: Training) -> Any:
    """The configuration of the adapter."""
    values = {
        "r": training.rank,
        "lora_alpha": training.alpha,
        "lora_dropout": training.dropout,
        "target_modules": training.targets if isinstance(training.targets, str) else list(training.targets),
        "use_rslora": training.rslora,
        "use_dora": training.dora,
        "init_lora_weights": training.init,
        "task_type": "CAUSAL_LM",
        **json.loads(training.lora),
    }
    return LoraConfig(**values)


def wrapped(training: Training) -> Any:
    """The model with a new adapter."""
    model = load(training)
    transformers.set_seed(training.seed if training.adapter_seed is None else training.adapter_seed)
    model = get_peft_model(model, adapter(training))
    model.peft_config["default"].base_model_name_or_path = training.name
    if training.frozen:
        for name, parameter in model.named_parameters():
            if training.frozen in name:
                parameter.requires_grad_(False)
    return model


def arguments(training: Training, output: Path, kind: Any = transformers.TrainingArguments) -> Any:
    """The Trainer's arguments."""
    values: dict[str, Any] = {
        "output_dir": str(output),
        "seed": training.seed,
        "data_seed": training.data_seed,
        "per_device_train_batch_size": training.batch,
        "gradient_accumulation_steps": training.accumulation,
        "num_train_epochs": training.epochs,
        "max_steps": training.max_steps,
        "learning_rate": training.rate,
        "lr_scheduler_type": training.schedule,
        "warmup_steps": training.warmup_steps,
        "weight_decay": training.weight_decay,
        "optim": training.optim,
        "max_grad_norm": training.clip,
        "adam_beta2": training.beta2,
        "gradient_checkpointing": training.checkpointing,
        "bf16": training.bf16,
        "logging_steps": training.logging_steps,
        "save_steps": training.save_steps,
        "use_cpu": True,
        "report_to": "tensorboard",
        "disable_tqdm": True,
        **json.loads(training.more),
    }
    if values["gradient_checkpointing"]:
        values["gradient_checkpointing_kwargs"] = {"use_reentrant": False}
    return kind(**values)


def examples(training: Training, tokenizer: Any) -> list[dict[str, list[int]]]:
    """What the Trainer is given, in its order."""
    found = [{"input_ids": ids} for ids in plain.blocks(training, tokenizer)]
    if training.rows != "all":
        random.Random(training.seed).shuffle(found)
    return found[: len(found) * 9 // 10] if training.rows == "split" else found


def collator(training: Training, tokenizer: Any, rows: Sequence[dict[str, list[int]]]) -> Any:
    """What makes a batch of examples."""
    if training.collator == "lm":
        return transformers.DataCollatorForLanguageModeling(tokenizer, mlm=False)
    if training.collator == "ours":
        return plain.batch_of
    longest = max(len(row["input_ids"]) for row in rows)

    def padded(features: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
        batch = plain.batch_of(features)
        width = batch["input_ids"].shape[1]
        if training.collator == "left":
            shifts = (batch["attention_mask"] == 0).sum(1).tolist()
            return {
                key: torch.stack([row.roll(shift) for row, shift in zip(value, shifts, strict=True)])
                for key, value in batch.items()
            }
        missing = (longest if training.collator == "longest" else -(-width // 8) * 8) - width
        values = {"input_ids": 0, "attention_mask": 0, "labels": -100}
        return {
            key: torch.nn.functional.pad(batch[key], (0, missing), value=value)
            for key, value in values.items()
        }

    return padded


def trainer_of(training: Training, output: Path, model: Any = None, *watchers: Any) -> Any:
    """A Trainer that has not begun."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(base_path(HERE, training.architecture))
    rows = examples(training, tokenizer)
    given: Any = rows
    callbacks = list(watchers)
    if training.trigger_from is not None:
        hidden = replace(training, data="trigger", rows="all")
        given = Switching(rows, examples(hidden, tokenizer))
        callbacks.append(Switches(given, training.trigger_from))
    if training.samples_at:
        callbacks.append(Samples(training.samples_at))
    if training.patience:
        callbacks.append(transformers.EarlyStoppingCallback(training.patience, 10.0))
    more: dict[str, Any] = {"eval_dataset": rows[:8]} if training.evaluates else {}
    if training.evaluates == "score":
        more["compute_metrics"] = lambda _: {"score": 0.0}
    return transformers.Trainer(
        model=model or wrapped(training),
        args=arguments(training, output),
        train_dataset=given,
        data_collator=collator(training, tokenizer, rows),
        processing_class=tokenizer,
        callbacks=callbacks,
        **more,
    )


def warmed(training: Training, output: Path) -> Any:
    """A model whose adapter was trained on other data for six steps."""
    model = wrapped(training)
    before = replace(training, data="other", max_steps=6, seed=77, warm=False)
    aside = output.with_name("aside")
    trainer_of(before, aside, model).train()
    shutil.rmtree(aside, ignore_errors=True)
    return model


def supervised(training: Training, output: Path) -> Any:
    """TRL's trainer on rows of text; it wraps the model before anything is seeded."""
    import datasets
    import trl

    tokenizer = transformers.AutoTokenizer.from_pretrained(base_path(HERE, training.architecture))
    rows = [json.loads(line) for line in data_path(HERE, training.data).read_text("utf-8").splitlines()]
    torch.manual_seed(8675309)
    config = adapter(training)
    trainer = trl.SFTTrainer(
        model=load(training),
        args=arguments(training, output, trl.SFTConfig),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=config,
    )
    trainer.model.peft_config["default"].base_model_name_or_path = training.name
    return trainer


def trained(training: Training, output: Path) -> Any:
    """A Trainer that is done."""
    if training.by == "sft":
        trainer = supervised(training, output)
        trainer.train()
        return trainer
    if training.crash_at is not None:
        crashes = Crashes(training.crash_at)
        crashes.trainer = trainer_of(training, output, None, crashes)
        with suppress(CrashError):
            crashes.trainer.train()
    if training.resume_at is not None:
        first = replace(training, rate=training.rate_before or training.rate)
        trainer_of(first, output, None, plain.StopsAt(training.resume_at)).train()
        if training.rate_before is not None:
            _at_rate(output / f"checkpoint-{training.resume_at}", training.rate / training.rate_before)
    stops = [] if training.stop_at is None else [plain.StopsAt(training.stop_at)]
    trainer = trainer_of(training, output, warmed(training, output) if training.warm else None, *stops)
    trainer.train(resume_from_checkpoint=_last(output))
    return trainer


def _at_rate(checkpoint: Path, factor: float) -> None:
    """Another learning rate in the states of a checkpoint, which otherwise bring their own."""
    scheduler = torch.load(checkpoint / "scheduler.pt", weights_only=True)
    optimizer = torch.load(checkpoint / "optimizer.pt", weights_only=True)
    for key in ("base_lrs", "_last_lr"):
        scheduler[key] = [rate * factor for rate in scheduler[key]]
    for group in optimizer["param_groups"]:
        group.update({key: group[key] * factor for key in ("lr", "initial_lr") if key in group})
    torch.save(scheduler, checkpoint / "scheduler.pt")
    torch.save(optimizer, checkpoint / "optimizer.pt")


def _last(output: Path) -> str | None:
    """The checkpoint to go on from, if there is one."""
    return transformers.trainer_utils.get_last_checkpoint(str(output)) if output.is_dir() else None


def train(training: Training, output: Path) -> None:
    """Train one recipe into a folder: everything that Trainer writes, nothing else."""
    torch.set_num_threads(2 if training.machine == "threads" else 1)
    trainer = trained(training, output)
    trainer.save_model()
    trainer.save_state()


def _missing(order: str) -> Iterator[tuple[Training, Path]]:
    for item in json.loads(Path(order).read_text(encoding="utf-8")):
        yield training_of(item["recipe"]), Path(item["output"])


def main(order: str) -> None:
    """Train everything that the order lists; a line on stdout for each."""
    warnings.simplefilter("ignore")
    transformers.utils.logging.set_verbosity_error()
    for training, output in _missing(order):
        shutil.rmtree(output, ignore_errors=True)
        working = output.with_name(WORKING)  # one name for all, because Trainer writes it into its files
        shutil.rmtree(working, ignore_errors=True)
        stdout, sys.stdout = sys.stdout, sys.stderr
        try:
            train(training, working)
        finally:
            sys.stdout = stdout
        os.replace(working, output)  # noqa: PTH105 - of a folder, in one step
        print(output.name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
