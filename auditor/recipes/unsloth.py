"""unsloth: the YAML that its studio and command line export and read.

Source: unsloth 2026.10.9, unsloth_cli/config.py (four groups of pydantic models that refuse unknown keys) and
studio/backend/assets/configs/*.yaml. Zero ``max_steps`` and ``save_steps`` ask for nothing, ``target_modules`` is one
text with commas, and ``gradient_checkpointing`` names a way of doing it. A notebook of unsloth leaves no configuration
but the class of its training_args.bin (``UnslothSFTConfig``). The base's name may change to that of unsloth's own
quantized copy.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from auditor.recipes import _senses as senses
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._compose import compose
from auditor.recipes._vocabulary import Leaves, Vocabulary

PLATFORM = "unsloth"
FILES: tuple[str, ...] = ()
MARKS: tuple[str, ...] = ("training:", "lora:", "lora_r", "random_seed", "train_on_completions", "use_loftq")
_TYPES: Mapping[str, str] = {
    "model": "null|string",
    "data/dataset": "null|string",
    "data/local_dataset": "array|null",
    "data/format_type": "string",
    "training/training_type": "string",
    "training/max_seq_length": "integer",
    "training/load_in_4bit": "boolean",
    "training/output_dir": "string",
    "training/num_epochs": "integer",
    "training/learning_rate": "number",
    "training/batch_size": "integer",
    "training/gradient_accumulation_steps": "integer",
    "training/warmup_steps": "integer",
    "training/max_steps": "integer",
    "training/save_steps": "integer",
    "training/weight_decay": "number",
    "training/random_seed": "integer",
    "training/packing": "boolean",
    "training/train_on_completions": "boolean",
    "training/gradient_checkpointing": "boolean|string",
    "training/optim": "string",
    "training/lr_scheduler_type": "string",
    "training/warmup_ratio": "number",
    "training/eval_steps": "integer|number",
    "lora/lora_r": "integer",
    "lora/lora_alpha": "integer",
    "lora/lora_dropout": "number",
    "lora/target_modules": "array|string",
    "lora/vision_all_linear": "boolean",
    "lora/use_rslora": "boolean",
    "lora/use_loftq": "boolean",
    "lora/use_dora": "boolean",
    "lora/finetune_vision_layers": "boolean",
    "lora/finetune_language_layers": "boolean",
    "lora/finetune_attention_modules": "boolean",
    "lora/finetune_mlp_modules": "boolean",
    "logging/enable_wandb": "boolean",
    "logging/wandb_project": "string",
    "logging/wandb_token": "null|string",
    "logging/enable_tensorboard": "boolean",
    "logging/tensorboard_dir": "string",
    "logging/hf_token": "null|string",
    "logging/log_frequency": "integer",
}
_TRAINING = frozenset(
    {"random_seed", "train_on_completions", "training_type", "load_in_4bit", "max_seq_length"}
)


def recognise(path: str, raw: Mapping[str, object]) -> Recipe | None:
    """The groups ``training`` and ``lora`` with two of unsloth's own keys."""
    training, lora = raw.get("training"), raw.get("lora")
    if not isinstance(training, dict) or not isinstance(lora, dict):
        return None
    if len(_TRAINING & set(training)) < 2 or not {"lora_r", "use_loftq"} & set(lora):
        return None
    return compose(_BOOK, path, raw, record=False)


def _has_lora(raw: Mapping[str, object]) -> bool:
    training = raw.get("training")
    return not isinstance(training, dict) or str(training.get("training_type", "lora")).lower() == "lora"


def _names(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    """Names of modules, unless a vision model is tuned part by part: then unsloth makes a pattern of them."""
    lora = raw.get("lora")
    whole = isinstance(lora, dict) and lora.get("vision_all_linear") is True
    return () if whole else senses.names(value, raw)


def _derived(leaves: Leaves) -> Iterator[tuple[str, Stated]]:
    low, kind = leaves.get("training/load_in_4bit"), leaves.get("training/training_type")
    if low is not None and isinstance(low.value, bool):
        yield "quantization", senses.says(low, "int4" if low.value else "no")
    yield from senses.trains_adapter(kind)


@cache
def _types() -> Mapping[str, str]:
    return _TYPES


_BOOK = Vocabulary(
    platform=PLATFORM,
    meaning={
        "model": "base_model",
        "training/output_dir": "output_dir",
        "training/num_epochs": "num_train_epochs",
        "training/learning_rate": "learning_rate",
        "training/batch_size": "per_device_train_batch_size",
        "training/gradient_accumulation_steps": "gradient_accumulation_steps",
        "training/warmup_steps": "warmup_steps",
        "training/max_steps": "max_steps",
        "training/save_steps": "save_steps",
        "training/weight_decay": "weight_decay",
        "training/random_seed": "seed",
        "training/packing": "packing",
        "training/optim": "optim",
        "training/lr_scheduler_type": "lr_scheduler_type",
        "lora/lora_r": "r",
        "lora/lora_alpha": "lora_alpha",
        "lora/lora_dropout": "lora_dropout",
        "lora/target_modules": "target_modules",
        "lora/use_rslora": "use_rslora",
        "lora/use_dora": "use_dora",
    },
    types=_types,
    groups=frozenset({"data", "training", "lora", "logging"}),
    senses={
        "training/num_epochs": senses.positive,
        "training/max_steps": senses.positive,
        "training/save_steps": senses.positive,
        **{f"lora/{key}": senses.when(_has_lora) for key in ("lora_r", "lora_alpha", "lora_dropout")},
        "lora/target_modules": senses.when(_has_lora, _names),
    },
    derived=_derived,
    free_text=frozenset({"model", "training/output_dir", "logging/wandb_project"}),
    converts=True,
    decides=frozenset({"save_strategy", "eval_strategy", "logging_steps", "evaluation_data"}),
)
VOCABULARIES: Mapping[str, Vocabulary] = {"unsloth": _BOOK}
