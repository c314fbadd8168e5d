"""LLaMA-Factory: the YAML or JSON given to ``llamafactory-cli train``, and what its web interface writes.

Source of names, types and meaning: llamafactory 0.7.1 to 0.9.5, hparams/*_args.py (fields), hparams/parser.py (an
unknown key is refused) and webui/runner.py (``training_args.yaml`` and ``llamaboard_config.yaml``, which it saves in
the output folder). TrainingArguments are handed over as they are.

Not claimed: ``lora_alpha`` and ``lora_rank`` where absent (twice the rank, and 8), ``gradient_checkpointing`` (the
platform turns it on by itself and off by ``disable_gradient_checkpointing``), ``pissa_init`` (converted before it is
saved), ``dataset`` (a name in the user's own dataset_info.json). ``lora_target: all`` is the platform's own search for
linear layers; beside a frozen vision tower it becomes a pattern.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from auditor.recipes import _senses as senses
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._compose import compose
from auditor.recipes._vocabulary import CHECKPOINTING, TRAINER_NAMES, Leaves, Vocabulary, words

PLATFORM = "LLaMA-Factory"
FILES: tuple[str, ...] = ("llamaboard_config.yaml",)
MARKS: tuple[str, ...] = (
    *("finetuning_type", "cutoff_len", "lora_target", "lora_rank", "dataset_dir", "pref_beta", "pref_loss"),
    *("plot_loss", "neat_packing", "overwrite_cache", "quantization_bit", "model_name_or_path", "template"),
)
WRITTEN: tuple[str, ...] = ("training_args.yaml", "llamaboard_config.yaml")
"""Names under which the platform itself leaves the configuration of a run."""
_STRONG = frozenset(
    {"finetuning_type", "cutoff_len", "lora_target", "lora_rank", "neat_packing", "pref_loss"}
)
_TRAINING = frozenset(
    {"do_train", "learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size"}
)
"""Keys without which a configuration is for inference, export or evaluation."""
_BOARD = "train."


def recognise(path: str, raw: Mapping[str, object]) -> Recipe | None:
    """A training configuration by two of its own keys; the web interface's by the names of its elements."""
    written = path.rpartition("/")[2] in WRITTEN
    if f"{_BOARD}cutoff_len" in raw or f"{_BOARD}training_stage" in raw:
        return compose(_BOARD_BOOK, path, _without_overridden(raw), record=True)
    if len(_STRONG & set(raw)) < 2 or not _TRAINING & set(raw):
        return None
    return compose(_BOOK, path, raw, record=written)


def _has_lora(raw: Mapping[str, object]) -> bool:
    """Whether a new adapter is made: one that is loaded keeps its own rank and modules."""
    loaded = raw.get("adapter_name_or_path") and not raw.get("create_new_adapter")
    return raw.get("finetuning_type", "lora") == "lora" and not loaded


def _trainer(raw: Mapping[str, object]) -> str | None:
    stage = raw.get("stage")
    return stage if isinstance(stage, str) else None


def _derived(leaves: Leaves) -> Iterator[tuple[str, Stated]]:
    pure = leaves.get("pure_bf16")
    if pure is None or pure.value is not True:
        yield from senses.precision(leaves)
    yield from senses.trains_adapter(leaves.get("finetuning_type"))


_NOT_LORA = ("full", "freeze")
_FOR_LORA = ("lora_rank", "lora_alpha", "lora_dropout", "lora_target", "create_new_adapter")
"""model/adapter.py, ``init_adapter``: read for lora and oft only; use_rslora, use_dora and the like are refused."""
_NOT_PREFERENCE = ("pt", "sft", "rm")
_FOR_PREFERENCE = (
    *("pref_beta", "pref_ftx", "pref_bco_weight", "pref_loss", "dpo_label_smoothing", "kto_chosen_weight"),
    *("kto_rejected_weight", "simpo_gamma", "ppo_buffer_size", "ppo_epochs", "ppo_score_norm", "ppo_target"),
    *("ppo_whiten_rewards", "reward_model"),
)
"""train/{dpo,kto,ppo}/*.py read them, and train/{pt,sft,rm}/*.py do not."""


def _unread(raw: Mapping[str, object]) -> Iterator[tuple[str, Iterable[str]]]:
    kind, stage = raw.get("finetuning_type"), raw.get("stage")
    # KTransformers takes rank and alpha for its own layers (hparams/model_args.py).
    if kind in _NOT_LORA and not raw.get("use_kt"):
        yield f"with finetuning_type {kind}", _FOR_LORA
    if stage in _NOT_PREFERENCE:
        yield f"in stage {stage}", _FOR_PREFERENCE


_LORA = {
    "lora_rank": "r",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
    "lora_target": "target_modules",
    "use_rslora": "use_rslora",
    "use_dora": "use_dora",
    "additional_target": "modules_to_save",
}
_SAME = tuple(name for name in TRAINER_NAMES if name != "gradient_checkpointing")
_STRATEGIES = ("eval_strategy", "save_strategy", "logging_strategy", "report_to")
_MEANING = {
    **{name: name for name in _SAME},
    **_LORA,
    "model_name_or_path": "base_model",
    "cutoff_len": "max_length",
    "quantization_bit": "quantization",
    "finetuning_type": "tuner",
    "packing": "packed_rows",
    "evaluation_strategy": "eval_strategy",
    "hub_model_id": "output_repository",
}


@cache
def _types() -> Mapping[str, str]:
    return {**words("trainer", "llama_factory"), **CHECKPOINTING}


_BOOK = Vocabulary(
    platform=PLATFORM,
    meaning=_MEANING,
    types=_types,
    groups=frozenset({"gradient_checkpointing_kwargs"}),
    kept=frozenset({"max_samples"}),
    senses={
        **{key: senses.when(_has_lora) for key in _LORA},
        "lora_target": senses.when(_has_lora, senses.names),
        "additional_target": senses.when(_has_lora, senses.names),
        "lora_rank": senses.when(_has_lora, senses.positive),
        "lora_alpha": senses.when(_has_lora, senses.positive),
        "quantization_bit": senses.bits,
        **dict.fromkeys((*_STRATEGIES, "evaluation_strategy"), senses.switched),
    },
    derived=_derived,
    trainer=_trainer,
    unread=_unread,
    free_text=frozenset({"model_name_or_path", "dataset", "template", "output_dir", "run_name"}),
)

_BOARD_MEANING = {
    "top.finetuning_type": "tuner",
    "top.quantization_bit": "quantization",
    "train.cutoff_len": "max_length",
    "train.learning_rate": "learning_rate",
    "train.num_train_epochs": "num_train_epochs",
    "train.batch_size": "per_device_train_batch_size",
    "train.gradient_accumulation_steps": "gradient_accumulation_steps",
    "train.lr_scheduler_type": "lr_scheduler_type",
    "train.max_grad_norm": "max_grad_norm",
    "train.logging_steps": "logging_steps",
    "train.save_steps": "save_steps",
    "train.warmup_steps": "warmup_steps",
    "train.compute_type": "mixed_precision",
    "train.lora_rank": "r",
    "train.lora_alpha": "lora_alpha",
    "train.lora_dropout": "lora_dropout",
    "train.use_rslora": "use_rslora",
    "train.use_dora": "use_dora",
}
"""webui/runner.py, ``_parse_train_args``; every element is saved, those left alone too."""
_BOARD_TYPED: Mapping[str, str] = {
    **dict.fromkeys(("train.learning_rate", "train.num_train_epochs", "train.max_grad_norm"), "number"),
    "train.max_samples": "integer",
    # "random", or a list of numbers, in some releases.
    "train.train_seed": "any",
}
_BOARD_NAMES = frozenset(
    {"top.model_name", "train.lora_target", "train.additional_target", "train.extra_args"}
)


@cache
def _board_types() -> Mapping[str, str]:
    """Elements of the page (webui/components/{top,train}.py); what is typed into a box of text may be a number."""
    return {**words("llama_board"), **_BOARD_TYPED}


def _without_overridden(raw: Mapping[str, object]) -> Mapping[str, object]:
    """The elements but for those that the page's box of extra arguments, a JSON object, has the last word on."""
    extra = str(raw.get("train.extra_args", ""))
    return {key: value for key, value in raw.items() if f'"{key.removeprefix(_BOARD)}"' not in extra}


def _board_precision(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    return (value,) if value in ("fp16", "bf16") else ("no",) if value == "fp32" else ()


def _board_has_lora(raw: Mapping[str, object]) -> bool:
    loaded = raw.get("top.checkpoint_path") and not raw.get("train.create_new_adapter")
    return raw.get("top.finetuning_type") == "lora" and not loaded


def _board_derived(leaves: Leaves) -> Iterator[tuple[str, Stated]]:
    yield from senses.trains_adapter(leaves.get("top.finetuning_type"))


_BOARD_BOOK = Vocabulary(
    platform=PLATFORM,
    meaning=_BOARD_MEANING,
    types=_board_types,
    senses={
        **{
            f"{_BOARD}{key}": senses.when(_board_has_lora)
            for key in ("lora_dropout", "use_rslora", "use_dora")
        },
        "train.lora_rank": senses.when(_board_has_lora, senses.positive),
        "train.lora_alpha": senses.when(_board_has_lora, senses.positive),
        "train.compute_type": _board_precision,
        "top.quantization_bit": senses.bits,
    },
    derived=_board_derived,
    dotted=True,
    free_text=_BOARD_NAMES,
    converts=True,
    decides=frozenset({"save_strategy", "eval_strategy"}),
)
VOCABULARIES: Mapping[str, Vocabulary] = {"llama-factory": _BOOK}
