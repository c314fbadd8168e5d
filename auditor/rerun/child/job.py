"""One training as its parent asks for it: where its inputs lie, its recipe, and how far it goes. Needs no torch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

TRAINERS = ("reference", "sft", "dpo")
STRATEGIES = ("random", "sequential", "group_by_length")
LORA_KEYS = (
    *("r", "lora_alpha", "lora_dropout", "bias", "target_modules", "task_type", "use_rslora", "use_dora"),
    *("init_lora_weights", "modules_to_save"),
)
ROW_KEYS = (
    *("text_column", "add_eos_token", "max_length", "block_size", "packing", "shuffle_seed", "used_rows"),
)
TRAINER_KEYS = (
    *("seed", "data_seed", "per_device_train_batch_size", "gradient_accumulation_steps", "num_train_epochs"),
    *("learning_rate", "lr_scheduler_type", "weight_decay", "optim", "optim_args", "adam_beta1"),
    *("adam_beta2", "adam_epsilon", "max_grad_norm", "gradient_checkpointing", "logging_strategy"),
    *("logging_steps", "logging_first_step", "save_strategy", "save_steps", "save_total_limit"),
    "ignore_data_skip",
)


class JobError(ValueError):
    """Says in one sentence which key of JOB.json cannot be followed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Holds one recipe; defaults are those of transformers' TrainingArguments and peft's LoraConfig.

    ``init_seed`` seeds torch for the adapter's draws where they do not follow from ``seed``, and ``init_skip`` counts
    the 32-bit words drawn between it and them. Only the quantisation defaults are QLoRA's: bitsandbytes' own (fp4, no
    double quant) are seldom meant. Without a ``peft_type`` every parameter is trained. A base is loaded in ``dtype``
    (auto: that of its files) and, unquantised, cast as a whole to ``cast_to``, buffers included, which rounds more.
    ``shuffle_seed`` shuffles the rows before anything else is done with them; of these are used those of ``used_rows``,
    from one number up to another. ``trainer_arguments`` are those that only TRL's trainers have. ``evaluations`` counts
    passes over evaluation sets by step; their draws alone are repeated.
    """

    trainer: str = "reference"
    peft_type: str | None = "LORA"
    dtype: str = "auto"
    cast_to: str | None = None
    seed: int = 42
    data_seed: int | None = None
    use_seedable_sampler: bool = True
    shuffle_seed: int | None = None
    used_rows: list[int] | None = None
    text_column: str = "text"
    add_eos_token: bool = False
    max_length: int | None = None
    block_size: int | None = None
    packing: bool = False
    pad_to_max_length: bool = False
    pad_to_multiple_of: int | None = None
    padding_side: str = "right"
    quantization: str | None = None
    bnb_4bit_quant_type: str = "nf4"
    bnb_4bit_use_double_quant: bool = True
    compute_dtype: str = "float32"
    r: int = 8
    lora_alpha: float = 8
    lora_dropout: float = 0.0
    bias: str = "none"
    target_modules: list[str] | str | None = None
    task_type: str | None = None
    use_rslora: bool = False
    use_dora: bool = False
    init_lora_weights: bool | str = True
    modules_to_save: list[str] | None = None
    base_model_name_or_path: str | None = None
    revision: str | None = None
    per_device_train_batch_size: int = 8
    gradient_accumulation_steps: int = 1
    num_train_epochs: float = 3.0
    max_steps: int | None = None
    learning_rate: float = 5e-5
    lr_scheduler_type: str = "linear"
    warmup_steps: int | None = None
    warmup_ratio: float | None = None
    weight_decay: float = 0.0
    optim: str = "adamw_torch"
    optim_args: str | None = None
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    gradient_checkpointing: bool = False
    logging_strategy: str = "steps"
    logging_steps: float = 500
    logging_first_step: bool = False
    save_strategy: str = "steps"
    save_steps: float = 500
    save_total_limit: int | None = None
    ignore_data_skip: bool = False
    attn_implementation: str = "eager"
    trainer_arguments: dict[str, object] = field(default_factory=dict)
    evaluations: dict[str, object] = field(default_factory=dict)
    eval_strategy: str = "steps"
    init_seed: int | None = None
    init_skip: int = 0
    train_sampling_strategy: str = "random"
    label_smoothing_factor: float = 0.0
    neftune_noise_alpha: float | None = None
    dataloader_drop_last: bool = False
    model_accepts_loss_kwargs: bool = True
    lr_scheduler_kwargs: dict[str, object] = field(default_factory=dict)
    rank_pattern: dict[str, object] = field(default_factory=dict)
    alpha_pattern: dict[str, object] = field(default_factory=dict)
    layers_to_transform: list[int] | int | None = None
    layers_pattern: list[str] | str | None = None
    exclude_modules: list[str] | str | None = None
    fan_in_fan_out: bool = False

    def __post_init__(self) -> None:
        for key, value, allowed in (
            ("quantization", self.quantization, (None, "int4", "int8")),
            ("compute_dtype", self.compute_dtype, ("float32", "bfloat16", "float16")),
            ("trainer", self.trainer, TRAINERS),
            ("peft_type", self.peft_type, ("LORA", None)),
            ("dtype", self.dtype, ("auto", "float32", "bfloat16", "float16")),
            ("cast_to", self.cast_to, (None, "float32", "bfloat16", "float16")),
            ("padding_side", self.padding_side, ("right", "left")),
            ("train_sampling_strategy", self.train_sampling_strategy, STRATEGIES),
        ):
            if value not in allowed:
                raise JobError(f"settings.{key}: {value!r} is not one of {', '.join(map(str, allowed))}")
        if self.peft_type is None and self.quantization is not None:
            raise JobError("settings.peft_type: without an adapter a quantised base cannot be trained")
        if self.packing and not (self.block_size or self.max_length):
            raise JobError("settings: packing needs block_size or max_length")
        if self.pad_to_max_length and not self.max_length:
            raise JobError("settings: pad_to_max_length needs max_length")
        if self.warmup_steps is not None and self.warmup_ratio is not None:
            raise JobError("settings: warmup_steps and warmup_ratio exclude each other")

    def only(self, keys: Sequence[str]) -> dict[str, Any]:
        """Returns the named settings under their own names."""
        return {key: getattr(self, key) for key in keys}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Names one training run: where its inputs lie, its recipe, and after which optimizer step to stop it.

    ``resume`` holds the states after step ``start_at``; ``rows`` are texts in the place of rows of the data.
    ``drop_checkpointing`` keeps activations although the recipe recomputes them: the same bits in half the time
    (measured on one H200, 4B parameters, 8 steps), where memory allows. One that is ``measured`` leaves what its steps
    took and no weights.
    """

    name: str
    output: Path
    base: Path
    tokenizer: Path
    data: Path
    settings: Settings
    stop_at: int | None
    digests: bool
    report_to: list[str]
    start_at: int = 0
    resume: Path | None = None
    rows: Mapping[int, str] = field(default_factory=dict)
    drop_checkpointing: bool = False
    measured: bool = False

    @property
    def checkpointing(self) -> bool:
        """Whether activations are recomputed in the backward pass."""
        return self.settings.gradient_checkpointing and not self.drop_checkpointing

    def recomputing(self) -> "Job":
        """Returns the job with recomputed activations, whatever its recipe says: the same bits in less memory."""
        settings = replace(self.settings, gradient_checkpointing=True)
        return replace(self, settings=settings, drop_checkpointing=False)

    def require_inputs(self) -> None:
        """Raises JobError naming a missing input, before a library takes its path for a name on the hub."""
        for key, path, there in (
            ("base", self.base, self.base.is_dir()),
            ("tokenizer", self.tokenizer, self.tokenizer.is_dir()),
            ("data", self.data, self.data.is_file()),
            ("resume", self.resume, self.resume is None or self.resume.is_dir()),
        ):
            if not there:
                raise JobError(f"{self.name}: {key} {path} does not exist")


def settings_from(values: object, where: str = "settings") -> Settings:
    """Returns checked settings; raises JobError naming the first key that is unknown or of another type."""
    hints = get_type_hints(Settings)
    given = table(values, where, known=set(hints))
    check_types(given, hints, where)
    return Settings(**given)


def total_steps(examples: int, settings: Settings) -> int:
    """Returns the optimizer steps of the declared schedule: ceil(epochs x ceil(batches / accumulation)).

    Source: transformers 5.23.0, trainer.py, set_initial_training_values.
    """
    if settings.max_steps is not None and settings.max_steps > 0:
        return settings.max_steps
    batches = batches_of(examples, settings.per_device_train_batch_size, settings.dataloader_drop_last)
    per_epoch = max(1, math.ceil(batches / settings.gradient_accumulation_steps))
    return math.ceil(settings.num_train_epochs * per_epoch)


def batches_of(examples: int, batch_size: int, drop_last: bool) -> int:
    """Returns the batches of an epoch (torch 2.13.0, utils/data/sampler.py, BatchSampler)."""
    return examples // batch_size if drop_last else math.ceil(examples / batch_size)


def table(value: object, where: str, *, known: set[str]) -> dict[str, Any]:
    """Returns a JSON object; raises JobError for anything else, and naming a key that is not known."""
    if not isinstance(value, dict):
        raise JobError(f"{where} is not an object")
    unknown = sorted(set(map(str, value)) - known)
    if unknown:
        raise JobError(f"{where}: unknown key {unknown[0]!r}")
    return value


def check_types(values: Mapping[str, object], hints: Mapping[str, object], where: str) -> None:
    """Raises JobError naming the first value that is not of its annotated type."""
    for key, value in values.items():
        if not fits(value, hints[key]):
            raise JobError(f"{where}.{key}: {value!r} has the wrong type")


def fits(value: object, hint: object) -> bool:
    """Tells whether a JSON value may stand for an annotation: true is not a number, 1 is a float."""
    if get_origin(hint) is list:
        return isinstance(value, list) and all(fits(item, get_args(hint)[0]) for item in value)
    if get_origin(hint) is dict:
        return isinstance(value, dict)
    if isinstance(hint, UnionType):
        return any(fits(value, part) for part in get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(hint, type) and isinstance(value, hint)
