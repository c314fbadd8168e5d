"""AutoTrain: training_params.json, which it saves beside the model, and the YAML of ``autotrain --config``.

Source of names and types: autotrain-advanced 0.6.30 to 0.8.36, trainers/clm/params.py (LLMTrainingParams) and parser.py
(the YAML's groups); meaning: trainers/clm/utils.py, ``configure_training_args`` and ``get_model``. Evaluation and, from
0.8, saving are off without a validation split, whatever ``eval_strategy`` says. ``logging_steps`` -1 lets AutoTrain
choose. Without ``peft`` neither the keys of LoRA nor the quantization are read. ``seed`` is never handed to the
trainer, and ``target_modules: all-linear`` is PEFT's own word. Releases before 0.7 say ``fp16``, ``use_int4``,
``use_int8`` and ``use_peft``.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from auditor.recipes import _senses as senses
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._compose import compose
from auditor.recipes._vocabulary import Leaves, Sense, Vocabulary, words

PLATFORM = "AutoTrain"
FILES: tuple[str, ...] = ("training_params.json",)
MARKS: tuple[str, ...] = (
    "project_name",
    "base_model",
    "backend",
    "column_mapping",
    "block_size",
    "data_path",
)
_OWN = frozenset(
    {
        "project_name",
        "lr",
        "epochs",
        "gradient_accumulation",
        "block_size",
        "lora_r",
        "data_path",
        "scheduler",
    }
)
"""Keys of training_params.json; five of them tell it from another program's file of that name."""
_LANGUAGE = frozenset({"block_size", "lora_r", "peft", "use_peft"})
"""Keys of a language model's training that AutoTrain's classifiers, regressions and the like do not have."""
_PREFERENCE = frozenset({"rejected_text_column", "prompt_text_column", "dpo_beta", "model_ref"})


def recognise(path: str, raw: Mapping[str, object]) -> Recipe | None:
    """The parameters of a language model's training; AutoTrain's other tasks train no adapter of this kind."""
    if str(raw.get("task", "")).startswith("llm") and "backend" in raw and "base_model" in raw:
        return compose(_YAML, path, raw, record=False)
    if len(_OWN & set(raw)) < 5 or not _LANGUAGE & set(raw):
        return None
    return compose(_PARAMS, path, raw, record=path.rpartition("/")[2] in FILES)


def _flat(raw: Mapping[str, object]) -> Mapping[str, object]:
    """The parameters wherever they stand: at the top of the JSON, in three groups of the YAML."""
    found = dict(raw)
    for group in ("data", "params"):
        inner = raw.get(group)
        found.update(inner if isinstance(inner, dict) else {})
    return found


def _has_peft(raw: Mapping[str, object]) -> bool:
    flat = _flat(raw)
    return flat.get("peft", flat.get("use_peft")) in (True, "true")


def _has_validation(raw: Mapping[str, object]) -> bool:
    return _flat(raw).get("valid_split") is not None


def _targets(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    return (value,) if value == "all-linear" else senses.names(value, raw)


def _word(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    return (value,) if isinstance(value, str) and value.lower() not in ("none", "null", "") else ()


def _half(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    """fp16 of releases that know no bf16: false is full precision."""
    return ("fp16" if value else "no",) if isinstance(value, bool) else ()


_MEANING = {
    "add_eos_token": "appends_eos_token",
    "auto_find_batch_size": "auto_find_batch_size",
    "batch_size": "per_device_train_batch_size",
    "block_size": "block_size",
    "disable_gradient_checkpointing": "gradient_checkpointing",
    "epochs": "num_train_epochs",
    "eval_strategy": "eval_strategy",
    "evaluation_strategy": "eval_strategy",
    "fp16": "mixed_precision",
    "gradient_accumulation": "gradient_accumulation_steps",
    "logging_steps": "logging_steps",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
    "lora_r": "r",
    "lr": "learning_rate",
    "max_grad_norm": "max_grad_norm",
    "merge_adapter": "merge_adapter",
    "mixed_precision": "mixed_precision",
    "model": "base_model",
    "optimizer": "optim",
    "padding": "padding_side",
    "peft": "peft",
    "quantization": "quantization",
    "rejected_text_column": "rejected_text_column",
    "repo_id": "output_repository",
    "save_strategy": "save_strategy",
    "save_total_limit": "save_total_limit",
    "scheduler": "lr_scheduler_type",
    "target_modules": "target_modules",
    "text_column": "text_column",
    "trainer": "trainer",
    "use_peft": "peft",
    "warmup_ratio": "warmup_ratio",
    "weight_decay": "weight_decay",
}
_SENSES: Mapping[str, Sense] = {
    **{key: senses.when(_has_peft) for key in ("lora_r", "lora_alpha", "lora_dropout")},
    "target_modules": senses.when(_has_peft, _targets),
    "block_size": senses.positive,
    "logging_steps": senses.positive,
    "eval_strategy": senses.when(_has_validation),
    "evaluation_strategy": senses.when(_has_validation),
    "save_strategy": senses.when(_has_validation),
    "fp16": _half,
    "mixed_precision": _word,
    "quantization": senses.when(_has_peft, _word),
}


def _derived(leaves: Leaves) -> Iterator[tuple[str, Stated]]:
    tuned = leaves.get("use_peft")
    if tuned is not None and tuned.value is True:
        yield from senses.loaded_bits(leaves, "use_int4", "use_int8")


def _trainer(raw: Mapping[str, object]) -> str | None:
    task = str(raw.get("task", ""))
    trainer = task.partition("-")[2] if task.startswith("llm-") else _flat(raw).get("trainer")
    return trainer if isinstance(trainer, str) and trainer else None


_FOR_PEFT = ("lora_r", "lora_alpha", "lora_dropout", "quantization", "merge_adapter")
_FOR_PREFERENCE = ("dpo_beta", "model_ref")
_SUPERVISED = ("sft", "default", "generic")


def _unread(raw: Mapping[str, object]) -> Iterator[tuple[str, Iterable[str]]]:
    """trainers/clm/utils.py, ``get_model``, reads the first with ``peft`` only, and train_clm_dpo.py alone the others.

    ``max_prompt_length`` stands in AutoTrain's own examples for supervised training and is let pass.
    """
    if not _has_peft(raw):
        yield "without peft", [f"params/{key}" for key in _FOR_PEFT]
    trainer = _trainer(raw)
    if trainer in _SUPERVISED:
        yield f"with trainer {trainer}", [f"params/{key}" for key in _FOR_PREFERENCE]


@cache
def _types() -> Mapping[str, str]:
    return words("autotrain")


_DECIDES = frozenset({"save_strategy", "eval_strategy", "logging_steps", "evaluation_data", "task_type"})
_FREE = frozenset({"model", "project_name", "data_path", "username", "repo_id", "text_column", "train_split"})
_PARAMS = Vocabulary(
    platform=PLATFORM,
    meaning=_MEANING,
    types=_types,
    inverse=frozenset({"disable_gradient_checkpointing"}),
    senses=_SENSES,
    derived=_derived,
    trainer=_trainer,
    free_text=_FREE | _PREFERENCE | {"chat_template", "distributed_backend"},
    converts=True,
    decides=_DECIDES,
)


def _in_groups(keys: Mapping[str, str]) -> dict[str, str]:
    """Parameters by their place in the YAML (parser.py: ``params`` are handed over as they are)."""
    return {f"params/{key}": value for key, value in keys.items()}


_TOP = {"base_model": "base_model", "log": "report_to", "data/valid_split": "valid_split"}
_COLUMNS = ("text_column", "rejected_text_column", "prompt_text_column")


@cache
def _yaml_types() -> Mapping[str, str]:
    known = words("autotrain")
    tops = dict.fromkeys(("task", "base_model", "project_name", "log", "backend"), "string")
    data = {
        f"data/{key}": "any"
        for key in ("path", "train_split", "valid_split", "chat_template", "column_mapping")
    }
    columns = {f"data/column_mapping/{key}": "string|null" for key in _COLUMNS}
    hub = {f"hub/{key}": "any" for key in ("username", "token", "push_to_hub")}
    return {**tops, **data, **columns, **hub, **_in_groups(known)}


_YAML = Vocabulary(
    platform=PLATFORM,
    meaning={**_in_groups(_MEANING), **_TOP, **{f"data/column_mapping/{key}": key for key in _COLUMNS[:2]}},
    types=_yaml_types,
    groups=frozenset({"data", "data/column_mapping", "params", "hub"}),
    open_groups=frozenset({"data/column_mapping"}),
    inverse=frozenset({"params/disable_gradient_checkpointing"}),
    senses={f"params/{key}": sense for key, sense in _SENSES.items()},
    trainer=_trainer,
    unread=_unread,
    free_text=frozenset({"base_model", "project_name", "data/path", "params/chat_template"}),
    converts=True,
    decides=_DECIDES,
)
VOCABULARIES: Mapping[str, Vocabulary] = {"autotrain": _PARAMS, "autotrain-yaml": _YAML}
