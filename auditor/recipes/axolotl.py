"""axolotl: the YAML given to ``axolotl train``, also where it stands in the model card.

Source of names and types: axolotl 0.5.2 (utils/config/models/input/v0_4_1), 0.8.1 and 0.19.0 (utils/schemas/*.py and
integrations/*/args.py). Meaning: core/builders/base.py and core/builders/causal.py of 0.19.0, which make the training
arguments: ``save_steps`` outranks ``save_strategy``, evaluation is by steps where ``eval_steps`` is given and off where
there is nothing to evaluate on, one warm-up step becomes two, and ``warmup_ratio`` is turned into steps (so it is not
compared). ``batch_size`` is that of a whole step and is not claimed.

``lora_target_linear`` asks for axolotl's own search for linear layers, beside the names in ``lora_target_modules``.
A schedule or optimizer of axolotl's own reaches the trainer under another name and is not claimed. The card that it
writes holds the file as it was given (train.py, "See axolotl config"); the command line may have had the last word.
Entries of ``datasets`` and the like are read by whichever of five classes fits (utils/schemas/datasets.py): what any of
them knows is known here.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from auditor.recipes import _senses as senses
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._compose import compose
from auditor.recipes._vocabulary import CHECKPOINTING, Leaves, Vocabulary, words

PLATFORM = "axolotl"
FILES: tuple[str, ...] = ()
MARKS: tuple[str, ...] = (
    *(
        "base_model",
        "sequence_len",
        "micro_batch_size",
        "sample_packing",
        "val_set_size",
        "lora_target_linear",
    ),
    *("pad_to_sequence_len", "dataset_prepared_path", "train_on_inputs", "lora_model_dir"),
)
CARD = "See axolotl config"
"""The words of the card (train.py) after which the configuration stands in a fence of YAML."""
_STRONG = frozenset(MARKS) - {"base_model"}
_OPTIMIZERS = frozenset(
    {
        *(
            "adamw_torch",
            "adamw_torch_fused",
            "adafactor",
            "sgd",
            "adamw_8bit",
            "paged_adamw_32bit",
            "lion_8bit",
        ),
        *("paged_adamw_8bit", "paged_lion_8bit", "paged_lion_32bit", "lion_32bit", "rmsprop", "adagrad"),
    }
)
"""Names that transformers (training_args.py, OptimizerNames) and axolotl share and that neither renames."""


def recognise(path: str, raw: Mapping[str, object]) -> Recipe | None:
    """A base model and two of axolotl's own keys."""
    if "base_model" not in raw or len(_STRONG & set(raw)) < 2:
        return None
    return compose(_BOOK, path, raw, record=False)


def _has_adapter(raw: Mapping[str, object]) -> bool:
    """Whether a new adapter is made: one that is loaded keeps its own rank and modules."""
    return raw.get("adapter") in ("lora", "qlora") and not raw.get("lora_model_dir")


def _saves_by_steps(raw: Mapping[str, object]) -> bool:
    return not any(raw.get(key) for key in ("save_steps", "saves_per_epoch"))


def _has_evaluation_data(raw: Mapping[str, object]) -> bool:
    return bool(raw.get("val_set_size") or raw.get("test_datasets"))


def _evaluates_by_choice(raw: Mapping[str, object]) -> bool:
    """Whether eval_strategy decides: not where steps are given, nor where there is nothing to evaluate on."""
    return _has_evaluation_data(raw) and not any(raw.get(key) for key in ("eval_steps", "evals_per_epoch"))


def _optimizer(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    return (value,) if isinstance(value, str) and value in _OPTIMIZERS else ()


def _warmup(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    return (value,) if isinstance(value, int) and value != 1 else ()


def _targets(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    if raw.get("lora_target_linear"):
        return (senses.ALL_LINEAR,)
    return senses.names(value, raw)


def _trainer(raw: Mapping[str, object]) -> str | None:
    kind = raw.get("rl")
    return kind if isinstance(kind, str) else None


def _unread(raw: Mapping[str, object]) -> Iterator[tuple[str, Iterable[str]]]:
    """loaders/model.py: without ``adapter`` no adapter is made; one that is loaded may be tuned by other keys."""
    if not raw.get("adapter") and not raw.get("lora_model_dir"):
        yield "without adapter", (*_LORA, "lora_target_linear", "lora_fan_in_fan_out")


def _derived(leaves: Leaves) -> Iterator[tuple[str, Stated]]:
    yield from senses.precision(leaves)
    yield from senses.loaded_bits(leaves)
    yield from senses.trains_adapter(leaves.get("adapter"))
    everything, raw = leaves.get("lora_target_linear"), {key: stated.value for key, stated in leaves.items()}
    if everything is not None and everything.value is True and _has_adapter(raw):
        yield "target_modules", senses.says(everything, senses.ALL_LINEAR)


_LORA = {
    "lora_r": "r",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
    "lora_target_modules": "target_modules",
    "lora_modules_to_save": "modules_to_save",
    "peft_use_dora": "use_dora",
    "peft_use_rslora": "use_rslora",
    "peft_init_lora_weights": "init_lora_weights",
}
_ENTRIES = ("datasets/*", "test_datasets/*", "pretraining_dataset/*")
_GROUPS = frozenset(
    {
        *_ENTRIES,
        *("datasets/*/type", "test_datasets/*/type", "special_tokens", "peft", "peft/loftq_config"),
        *("lr_groups/*", "trl", "vllm", "qat", "quantization", "gradient_checkpointing_kwargs"),
    }
)
_OTHER_TOKENS = ("sep_token", "cls_token", "mask_token", "eot_token", "eom_token")
"""Special tokens that axolotl leaves alone: transformers' (tokenization_utils_base.py) and those of chat formats."""


@cache
def _types() -> Mapping[str, str]:
    others = {f"special_tokens/{name}": "any" for name in _OTHER_TOKENS}
    return {**words("axolotl"), **CHECKPOINTING, **others}


_BOOK = Vocabulary(
    platform=PLATFORM,
    meaning={
        **_LORA,
        "adapter": "tuner",
        "base_model": "base_model",
        "sequence_len": "max_length",
        "micro_batch_size": "per_device_train_batch_size",
        "eval_batch_size": "per_device_eval_batch_size",
        "gradient_accumulation_steps": "gradient_accumulation_steps",
        "num_epochs": "num_train_epochs",
        "max_steps": "max_steps",
        "learning_rate": "learning_rate",
        "optimizer": "optim",
        "lr_scheduler": "lr_scheduler_type",
        "warmup_steps": "warmup_steps",
        "weight_decay": "weight_decay",
        "max_grad_norm": "max_grad_norm",
        "adam_beta1": "adam_beta1",
        "adam_beta2": "adam_beta2",
        "adam_epsilon": "adam_epsilon",
        "seed": "seed",
        "logging_steps": "logging_steps",
        "save_steps": "save_steps",
        "save_strategy": "save_strategy",
        "save_total_limit": "save_total_limit",
        "eval_steps": "eval_steps",
        "eval_strategy": "eval_strategy",
        "auto_find_batch_size": "auto_find_batch_size",
        "gradient_checkpointing": "gradient_checkpointing",
        "output_dir": "output_dir",
        "hub_model_id": "output_repository",
    },
    types=_types,
    groups=_GROUPS,
    loose_groups=_GROUPS,
    senses={
        **{key: senses.when(_has_adapter) for key in _LORA},
        "lora_target_modules": senses.when(_has_adapter, _targets),
        "lora_modules_to_save": senses.when(_has_adapter, senses.names),
        "optimizer": _optimizer,
        "lr_scheduler": senses.plain_schedule,
        "warmup_steps": _warmup,
        "save_steps": senses.positive,
        "eval_steps": senses.when(_has_evaluation_data, senses.positive),
        "max_steps": senses.positive,
        "save_strategy": senses.when(_saves_by_steps, senses.switched),
        "eval_strategy": senses.when(_evaluates_by_choice, senses.switched),
        "gradient_checkpointing": senses.truth,
    },
    derived=_derived,
    trainer=_trainer,
    unread=_unread,
    # Releases before 0.4 took an object of tokens; 0.19 takes a share of the steps.
    lenient=frozenset({"tokens", "warmup_steps"}),
    free_text=frozenset(
        {"base_model", "output_dir", "wandb_project", "wandb_entity", "wandb_name", "hub_model_id"}
        | {f"special_tokens/{name}_token" for name in ("bos", "eos", "pad", "unk")}
        | {f"{entry}/{key}" for entry in _ENTRIES for key in ("path", "name", "split", "data_files")}
    ),
    converts=True,
    decides=frozenset({"save_strategy", "eval_strategy", "logging_steps", "evaluation_data"}),
)
VOCABULARIES: Mapping[str, Vocabulary] = {"axolotl": _BOOK}
