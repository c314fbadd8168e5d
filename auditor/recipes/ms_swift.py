"""ms-swift: args.json (sft_args.json before 3.0), which it saves in the output folder and in every checkpoint.

Source of names and types: ms-swift 2.0.0 and 2.5.2 (swift/llm/utils/argument.py), 3.0.0 and 3.5.0
(swift/llm/argument), 4.6.0 (swift/arguments; base_args/base_args.py, ``save_args``). The file holds every argument as
it stood when training began, those that nobody set too. The kind of fine-tuning is ``sft_type``, ``train_type`` or
``tuner_type``, by release; without an adapter the keys of LoRA are not read. ``data_seed`` is that of the data set and
not the sampler's, ``padding_side`` holds while training only, and a deprecated ``target_modules`` of ``ALL`` or
``all-linear`` is the platform's own search.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from auditor.recipes import _senses as senses
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._compose import compose
from auditor.recipes._vocabulary import CHECKPOINTING, TRAINER_NAMES, Leaves, Vocabulary, words

PLATFORM = "ms-swift"
FILES: tuple[str, ...] = ("sft_args.json",)
MARKS: tuple[str, ...] = ("tuner_type", "train_type", "sft_type", "lora_rank", "torch_dtype", "model_type")
_KINDS = ("tuner_type", "train_type", "sft_type")
_OWN = frozenset(
    {"lora_rank", "lora_dtype", "torch_dtype", "model_type", "template", "template_type", "max_length"}
)


def recognise(path: str, raw: Mapping[str, object]) -> Recipe | None:
    """The kind of fine-tuning under one of its three names and three keys more."""
    if not any(key in raw for key in _KINDS) or len(_OWN & set(raw)) < 3:
        return None
    return compose(_BOOK, path, raw, record=path.rpartition("/")[2] in ("args.json", *FILES))


def _kind(raw: Mapping[str, object]) -> str:
    return next((str(raw[key]).lower() for key in _KINDS if raw.get(key)), "")


def _has_lora(raw: Mapping[str, object]) -> bool:
    """Whether a new adapter is made: one that is loaded keeps its own rank and modules."""
    return _kind(raw) in ("lora", "qlora") and not raw.get("adapters")


def _targets(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    """A list; ``ALL``, ``DEFAULT`` and ``AUTO`` of 2.x are looked up by the platform."""
    found = senses.names(value, raw)
    given = found[0] if found else None
    return () if isinstance(given, list) and {"ALL", "DEFAULT", "AUTO", "EMBEDDING"} & set(given) else found


def _derived(leaves: Leaves) -> Iterator[tuple[str, Stated]]:
    yield from senses.precision(leaves)
    for key in _KINDS:
        yield from senses.trains_adapter(leaves.get(key))


def _trainer(raw: Mapping[str, object]) -> str | None:
    kind = raw.get("rlhf_type")
    return kind if isinstance(kind, str) else "sft"


_LORA = {
    "lora_rank": "r",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
    "lora_dropout_p": "lora_dropout",
    "lora_bias": "bias",
    "lora_bias_trainable": "bias",
    "target_modules": "target_modules",
    "lora_target_modules": "target_modules",
    "use_rslora": "use_rslora",
    "use_dora": "use_dora",
}
_MADE_BOOLEAN = dict.fromkeys(("init_weights", "init_lora_weights"), "boolean|string")
"""Texts whose "true" and "false" args.json has as booleans (ms-swift 4.6.0, arguments/tuner_args.py)."""
_NOT_HANDED_OVER = ("gradient_checkpointing", "report_to", "output_dir")


@cache
def _types() -> Mapping[str, str]:
    return {**words("trainer", "ms_swift"), **CHECKPOINTING, **_MADE_BOOLEAN}


def _warms_up_by_steps(raw: Mapping[str, object]) -> bool:
    """A share takes the place of the steps, which args.json keeps as 0 (ms-swift 4.6.0, trainers/arguments.py)."""
    return not raw.get("warmup_ratio")


_BOOK = Vocabulary(
    platform=PLATFORM,
    meaning={
        **{name: name for name in TRAINER_NAMES if name not in _NOT_HANDED_OVER},
        **_LORA,
        **dict.fromkeys(_KINDS, "tuner"),
        "model": "base_model",
        "model_id_or_path": "base_model",
        "output_dir": "output_dir",
        "batch_size": "per_device_train_batch_size",
        "eval_batch_size": "per_device_eval_batch_size",
        "max_length": "max_length",
        "quant_bits": "quantization",
        "quantization_bit": "quantization",
        "hub_model_id": "output_repository",
    },
    types=_types,
    groups=frozenset({"gradient_checkpointing_kwargs"}),
    senses={
        **{key: senses.when(_has_lora) for key in _LORA},
        "target_modules": senses.when(_has_lora, _targets),
        "lora_target_modules": senses.when(_has_lora, _targets),
        "quant_bits": senses.bits,
        "quantization_bit": senses.bits,
        "max_length": senses.positive,
        "max_steps": senses.positive,
        "warmup_steps": senses.when(_warms_up_by_steps),
    },
    derived=_derived,
    trainer=_trainer,
    decides=frozenset({"evaluation_data", "task_type"}),
)
VOCABULARIES: Mapping[str, Vocabulary] = {"ms-swift": _BOOK}
