"""TRL: the YAML of ``trl sft`` and ``trl dpo``, and dumps of SFTConfig, DPOConfig and TrainingArguments as JSON.

Source of names and types: trl 0.7.11 to 1.16.0, trainer/*_config.py and scripts/utils.py, over transformers 4.30.2 to
5.24.0, training_args.py. The command line's file sets defaults of an argument parser (scripts/utils.py, TrlParser),
which turns texts into numbers; a key that no dataclass has is refused or, for scripts of somebody's own, theirs.
``model_name_or_path``, ``lora_*`` and ``load_in_*`` are those of ModelConfig. ``use_peft: false`` makes the keys of
LoRA inert, and the split to evaluate on has a default (``dataset_test_split``).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from auditor.recipes import _senses as senses
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._compose import compose
from auditor.recipes._vocabulary import CHECKPOINTING, TRAINER_NAMES, Leaves, Vocabulary, words

PLATFORM = "TRL"
FILES: tuple[str, ...] = ()
MARKS: tuple[str, ...] = (
    *(
        "model_name_or_path",
        "dataset_name",
        "use_peft",
        "lora_r",
        "lora_target_modules",
        "dataset_text_field",
    ),
    *("per_device_train_batch_size", "learning_rate", "num_train_epochs", "output_dir", "adam_beta1"),
)
_TRAINER = frozenset(
    {"learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size", "output_dir"}
)
_OWN = frozenset(
    {
        *(
            "use_peft",
            "lora_r",
            "lora_target_modules",
            "lora_task_type",
            "dataset_text_field",
            "max_seq_length",
        ),
        *("dataset_name", "dataset_train_split", "precompute_ref_log_probs", "assistant_only_loss", "beta"),
        *(
            "dataset_mixer",
            "dataset_mixture",
            "loss_type",
            "max_prompt_length",
            "attn_implementation",
            "torch_dtype",
        ),
    }
)
_DUMP = 60
"""Keys from which a JSON is a dump of all arguments, which only a program writes."""


def recognise(path: str, raw: Mapping[str, object]) -> Recipe | None:
    """A model, three of the trainer's arguments and one of TRL's keys; or a dump of all arguments."""
    keys = set(raw)
    dumped = _is_dump(raw)
    if not dumped and not ("model_name_or_path" in keys and len(_TRAINER & keys) >= 3 and _OWN & keys):
        return None
    return compose(_BOOKS[kind(raw)], path, raw, record=dumped)


def _is_dump(raw: Mapping[str, object]) -> bool:
    return len(set(raw) & set(words("trainer"))) >= _DUMP


def _is_written(raw: Mapping[str, object]) -> bool:
    return not _is_dump(raw)


def kind(raw: Mapping[str, object]) -> str | None:
    """``sft``, ``dpo`` or None, by keys that only one of the two configurations has."""
    if "precompute_ref_log_probs" in raw or (
        "beta" in raw and "loss_type" in raw and "max_prompt_length" in raw
    ):
        return "dpo"
    return "sft" if {"dataset_text_field", "max_seq_length", "assistant_only_loss"} & set(raw) else None


def _has_peft(raw: Mapping[str, object]) -> bool:
    return raw.get("use_peft") is not False


def _targets(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    """``all-linear`` is PEFT's word here, alone or as the only item of a list."""
    return ("all-linear",) if value in ("all-linear", ["all-linear"]) else senses.names(value, raw)


def _derived(leaves: Leaves) -> Iterator[tuple[str, Stated]]:
    yield from senses.precision(leaves)
    yield from senses.loaded_bits(leaves)


_LORA = {
    "lora_r": "r",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
    "lora_target_modules": "target_modules",
    "lora_modules_to_save": "modules_to_save",
    "lora_task_type": "task_type",
    "use_rslora": "use_rslora",
    "use_dora": "use_dora",
}
_STRATEGIES = ("eval_strategy", "evaluation_strategy", "save_strategy", "logging_strategy")


def _unread(raw: Mapping[str, object]) -> Iterator[tuple[str, Iterable[str]]]:
    """trainer/utils.py, ``get_peft_config``: none where ``use_peft`` is false; left out it may be a script's own."""
    if raw.get("use_peft") is False:
        yield "with use_peft false", _LORA


_GROUPS = frozenset({"gradient_checkpointing_kwargs", "datasets/*"})


@cache
def _types() -> Mapping[str, str]:
    return {**words("trainer", "trl"), **CHECKPOINTING}


def _book(trainer: str | None) -> Vocabulary:
    return Vocabulary(
        platform=f"TRL {trainer.upper()}" if trainer else "TRL",
        meaning={
            **{name: name for name in TRAINER_NAMES},
            **_LORA,
            "model_name_or_path": "base_model",
            "use_peft": "peft",
            "packing": "packing",
            "max_length": "max_length",
            "max_seq_length": "max_length",
            "dataset_text_field": "text_column",
            "evaluation_strategy": "eval_strategy",
            "hub_model_id": "output_repository",
        },
        types=_types,
        groups=_GROUPS,
        loose_groups=_GROUPS,
        kept=frozenset({"do_predict"}),
        senses={
            **{key: senses.when(_has_peft) for key in _LORA},
            "lora_target_modules": senses.when(_has_peft, _targets),
            "lora_modules_to_save": senses.when(_has_peft, senses.names),
            **dict.fromkeys(_STRATEGIES, senses.switched),
            "max_steps": senses.positive,
            # A dump holds the default column of text for data of images, too.
            "dataset_text_field": senses.when(_is_written),
        },
        derived=_derived,
        trainer=lambda raw: trainer,
        unread=_unread,
        free_text=frozenset(
            {"model_name_or_path", "dataset_name", "dataset_text_field", "output_dir", "run_name"}
        ),
        converts=True,
        decides=frozenset({"evaluation_data"}),
    )


_BOOKS: Mapping[str | None, Vocabulary] = {trainer: _book(trainer) for trainer in ("sft", "dpo", None)}
VOCABULARIES: Mapping[str, Vocabulary] = {"trl": _BOOKS[None]}
