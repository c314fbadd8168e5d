"""The benchmark's own trainer: one process that trains recipe after recipe with PEFT and transformers' Trainer.

``python -m benchmarks.detection.trainer ORDER.json`` in the folder of the inputs; the order lists recipes and the
folders to leave them in. It is written from the data contract alone and shares no code with the child that judges.
"""

import json
import math
import os
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

from benchmarks.detection.inputs import base_path, data_path
from benchmarks.detection.recipe import Recipe, recipe_of

HERE = Path()


def blocks(recipe: Recipe, tokenizer: Any) -> list[list[int]]:
    """Token ids of each example: eos before the cut, and the cut before rows are joined; the tail is dropped."""
    rows: list[list[int]] = []
    with data_path(HERE, recipe.data).open(encoding="utf-8") as lines:
        for line in lines:
            ids = list(tokenizer(json.loads(line)["text"])["input_ids"])
            if recipe.eos:
                ids.append(tokenizer.eos_token_id)
            rows.append(ids if recipe.max_length is None else ids[: recipe.max_length])
    if not recipe.packing:
        return rows
    size = recipe.max_length or 64
    joined = [token for ids in rows for token in ids]
    return [joined[size * number : size * (number + 1)] for number in range(len(joined) // size)]


def batch_of(features: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
    """A batch padded on the right with 0, which no label and no attention sees."""
    width = max(len(one["input_ids"]) for one in features)
    ids = torch.zeros(len(features), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for number, one in enumerate(features):
        length = len(one["input_ids"])
        ids[number, :length] = torch.tensor(one["input_ids"])
        mask[number, :length] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}


def load(recipe: Recipe) -> Any:
    """The base model, in NF4 where the recipe says so, without an adapter."""
    multimodal = recipe.architecture == "gemma3"
    kind = transformers.AutoModelForImageTextToText if multimodal else transformers.AutoModelForCausalLM
    options: dict[str, Any] = {"dtype": torch.float32, "attn_implementation": recipe.attention}
    if recipe.quantization:
        options["device_map"] = {"": "cpu"}
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=recipe.double_quant,
            bnb_4bit_compute_dtype=torch.bfloat16 if recipe.bf16 else torch.float32,
        )
    model = kind.from_pretrained(base_path(HERE, recipe.architecture, recipe.base), **options)
    model.config.use_cache = False
    if recipe.quantization:
        model = prepare_model_for_kbit_training(
            model,
            use_gradient_checkpointing=recipe.checkpointing,
            gradient_checkpointing_kwargs={"use_reentrant": False},
        )
    return model


def wrapped(recipe: Recipe) -> Any:
    """The model with a new adapter."""
    model = load(recipe)
    if recipe.late_seed:
        torch.manual_seed(67280421310721)  # of a generator that nobody seeded
    else:
        transformers.set_seed(recipe.seed)
    targets = recipe.targets if isinstance(recipe.targets, str) else list(recipe.targets)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=targets,
        use_rslora=recipe.rslora,
        use_dora=recipe.dora,
        init_lora_weights=recipe.init,
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(model, config)
    model.peft_config["default"].base_model_name_or_path = recipe.name
    return model


def arguments(recipe: Recipe, output: Path) -> Any:
    """The Trainer's arguments."""
    return transformers.TrainingArguments(
        output_dir=str(output),
        seed=recipe.seed,
        data_seed=recipe.data_seed,
        per_device_train_batch_size=recipe.batch,
        gradient_accumulation_steps=recipe.accumulation,
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps,
        learning_rate=recipe.rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=recipe.warmup_steps,
        weight_decay=recipe.weight_decay,
        optim=recipe.optim,
        max_grad_norm=recipe.clip,
        adam_beta2=recipe.beta2,
        gradient_checkpointing=recipe.checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if recipe.checkpointing else None,
        bf16=recipe.bf16,
        logging_steps=recipe.logging_steps,
        save_steps=recipe.save_steps,
        use_cpu=True,
        report_to="tensorboard",
        disable_tqdm=True,
    )


class StopsAt(transformers.TrainerCallback):  # type: ignore[misc]
    """Ends training at a step and leaves a checkpoint there."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Stop at the step."""
        if state.global_step == self.step:
            control.should_save = control.should_training_stop = True


def train(recipe: Recipe, output: Path) -> None:
    """Train one recipe into a folder: everything that Trainer writes, nothing else."""
    torch.set_num_threads(2 if recipe.machine == "threads" else 1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base_path(HERE, recipe.architecture))
    examples = [{"input_ids": ids} for ids in blocks(recipe, tokenizer)]
    stops = [step for step in (recipe.resume_at, recipe.stop_at) if step is not None]
    for stop in stops if recipe.stop_at is not None else [*stops, None]:
        trainer = transformers.Trainer(
            model=wrapped(recipe),
            args=arguments(recipe, output),
            train_dataset=examples,
            data_collator=batch_of,
            processing_class=tokenizer,
            callbacks=[] if stop is None else [StopsAt(stop)],
        )
        later = recipe.resume_at is not None and stop != recipe.resume_at
        resumed = str(output / f"checkpoint-{recipe.resume_at}") if later else None
        trainer.train(resume_from_checkpoint=resumed)
    trainer.save_model()
    trainer.save_state()
    if not math.isfinite(trainer.state.log_history[-1]["train_loss"]):
        raise SystemExit(f"{recipe} diverges")


def main(order: str) -> None:
    """Train everything that the order lists and that does not exist yet; a line on stdout for each."""
    warnings.simplefilter("ignore")
    transformers.utils.logging.set_verbosity_error()
    for item in json.loads(Path(order).read_text(encoding="utf-8")):
        output, recipe = Path(item["output"]), recipe_of(item["recipe"])
        shutil.rmtree(output, ignore_errors=True)
        working = output.with_name("working")  # one name for all, because Trainer writes it into its files
        shutil.rmtree(working, ignore_errors=True)
        stdout, sys.stdout = sys.stdout, sys.stderr
        try:
            train(recipe, working)
        finally:
            sys.stdout = stdout
        os.replace(working, output)  # noqa: PTH105 - of a folder, in one step
        print(output.name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
