"""The settings of a job as the arguments of a Trainer, and as a new adapter's configuration."""

import inspect
import math
from typing import Any

from . import extras
from .job import LORA_KEYS, TRAINER_KEYS, Job, Settings
from .libraries import peft, torch, transformers


def training_arguments(job: Job, steps: int, kind: Any = None, **more: object) -> Any:
    """Returns the Trainer's arguments; `steps` is the declared total, of which warm-up takes its share.

    ``kind`` is the class of a trainer that has its own, ``more`` are the arguments that only this class has.
    """
    s = job.settings
    options = {**s.only(TRAINER_KEYS), **more}
    options["gradient_checkpointing"] = job.checkpointing
    if job.checkpointing:
        options["gradient_checkpointing_kwargs"] = {"use_reentrant": False}
    if job.measured:
        options["save_strategy"] = "no"
    made = kind or transformers.TrainingArguments
    known = inspect.signature(made).parameters
    options |= extras.arguments(s, known)
    if s.warmup_ratio is not None and "warmup_ratio" in known:
        options["warmup_ratio"] = s.warmup_ratio  # transformers 4.x, whose total rounds in its own way
    else:
        options["warmup_steps"] = s.warmup_steps or math.ceil((s.warmup_ratio or 0.0) * steps)
    if not s.use_seedable_sampler and "accelerator_config" in inspect.signature(made).parameters:
        options["accelerator_config"] = {
            "use_seedable_sampler": False
        }  # before transformers 4.38 it never is
    cuda = torch.cuda.is_available()
    return made(
        output_dir=str(job.output),
        max_steps=s.max_steps or -1,
        bf16=s.compute_dtype == "bfloat16",
        fp16=s.compute_dtype == "float16" and cuda,  # accelerate refuses fp16 on a CPU
        use_cpu=not cuda,
        report_to=job.report_to or "none",
        **options,
    )


def lora_config(settings: Settings) -> Any:
    """Returns PEFT's configuration of the adapter."""
    more = extras.adapter(settings, inspect.signature(peft.LoraConfig).parameters)
    return peft.LoraConfig(**settings.only(LORA_KEYS), **more)


def name_base(model: Any, settings: Settings) -> None:
    """Writes the base model's recorded name, where get_peft_model leaves that of the local folder."""
    model.peft_config["default"].base_model_name_or_path = settings.base_model_name_or_path
    model.peft_config["default"].revision = settings.revision
