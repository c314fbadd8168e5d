"""The reference trainer: PEFT's adapter on the base, transformers' Trainer with its own sampler, a logged batch."""

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

from .job import LORA_KEYS, TRAINER_KEYS, Job, Settings
from .libraries import peft, torch, transformers
from .rows import Examples, pad
from .steplog import StepLog

FRESH_SEED = 67280421310721
"""Of a generator that nobody seeded (torch, c10/core/GeneratorImpl.h, default_rng_seed_val)."""


def add_adapter(base: Any, settings: Settings) -> Any:
    """Returns the base with a new adapter, drawn right after the seed is set or by an unseeded generator."""
    if settings.draw_order == "seed_before_peft":
        transformers.set_seed(settings.seed)
    else:
        torch.manual_seed(FRESH_SEED)
    model = peft.get_peft_model(base, peft.LoraConfig(**settings.only(LORA_KEYS)))
    # Set afterwards, because get_peft_model writes the local folder's name here.
    model.peft_config["default"].base_model_name_or_path = settings.base_model_name_or_path
    model.peft_config["default"].revision = settings.revision
    return model


def training_arguments(job: Job, steps: int) -> Any:
    """Returns the Trainer's arguments; `steps` is the declared total, of which warm-up takes its share."""
    s = job.settings
    options = s.only(TRAINER_KEYS)
    options["gradient_checkpointing"] = job.checkpointing
    if job.checkpointing:
        options["gradient_checkpointing_kwargs"] = {"use_reentrant": False}
    parameters = inspect.signature(transformers.TrainingArguments).parameters
    if s.warmup_ratio is not None and "warmup_ratio" in parameters:
        options["warmup_ratio"] = s.warmup_ratio  # transformers 4.x, whose total rounds in its own way
    else:
        options["warmup_steps"] = s.warmup_steps or math.ceil((s.warmup_ratio or 0.0) * steps)
    cuda = torch.cuda.is_available()
    return transformers.TrainingArguments(
        output_dir=str(job.output),
        max_steps=s.max_steps or -1,
        bf16=s.compute_dtype == "bfloat16",
        fp16=s.compute_dtype == "float16" and cuda,  # accelerate refuses fp16 on a CPU
        use_cpu=not cuda,
        report_to=job.report_to or "none",
        **options,
    )


def collator(
    examples: Examples, pad_id: int, length: int | None, log: StepLog
) -> Callable[[Sequence[dict[str, list[int]]]], dict[str, Any]]:
    """Returns a collate function that logs its batch: input_ids, attention_mask and labels, int64."""

    def collate(features: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
        padded = pad([feature["input_ids"] for feature in features], pad_id, length)
        log.collated(examples.take_drawn(), padded["input_ids"])
        return {key: torch.tensor(value, dtype=torch.int64) for key, value in padded.items()}

    return collate
