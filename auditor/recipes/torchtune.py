"""torchtune: a recipe's YAML, in which every object names the class that is built from it (``_component_``).

Source: torchtune 0.2.1 to 0.6.1, recipes/configs/**/*.yaml (keys) and recipes/lora_finetune_single_device.py (use);
0.6.1, training/metric_logging.py, saves the configuration as it ran as ``torchtune_config.yaml``. The adapter is
written in PEFT's format with other names for the modules (models/convert_weights.py, ``_TO_PEFT_TARGET_MODULES``); its
``adapter_config.json`` holds r, lora_alpha and target_modules and nothing of the dropout. ``dtype`` is that of the
whole model and no mixed precision, and ``checkpointer.checkpoint_dir`` is a folder of the machine that trained. A
group's keys are the arguments of its component (auditor/recipes/_components.py).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from auditor.recipes import _senses as senses
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._components import COMPONENT, components, recipe_keys, resolved
from auditor.recipes._compose import compose
from auditor.recipes._near import near
from auditor.recipes._vocabulary import Leaves, Vocabulary

PLATFORM = "torchtune"
FILES: tuple[str, ...] = ("torchtune_config.yaml",)
MARKS: tuple[str, ...] = ("_component_", "torchtune.")
_RECIPE: Mapping[str, str] = {
    "output_dir": "string",
    "seed": "integer|null",
    "shuffle": "boolean",
    "batch_size": "integer",
    "epochs": "integer",
    "max_steps_per_epoch": "integer|null",
    "gradient_accumulation_steps": "integer",
    "compile": "any",
    "resume_from_checkpoint": "boolean",
    "save_adapter_weights_only": "boolean",
    "log_every_n_steps": "integer",
    "log_peak_memory_stats": "boolean",
    "log_level": "string",
    "enable_activation_checkpointing": "boolean",
    "enable_activation_offloading": "boolean",
    "optimizer_in_bwd": "boolean",
    "fsdp_cpu_offload": "boolean",
    "run_val_every_n_steps": "integer|null",
    "batch_size_val": "integer",
    "max_validation_batches": "integer",
}
"""Types of the recipes' own keys, by their use in recipes/*.py; what else they know may hold anything."""
_MEMBERS: Mapping[str, str] = {
    "model/lora_attn_modules": "array",
    "model/apply_lora_to_mlp": "boolean",
    "model/apply_lora_to_output": "boolean",
    "model/lora_rank": "integer",
    "model/lora_alpha": "number",
    "model/lora_dropout": "number",
    "model/use_dora": "boolean",
    "model/quantize_base": "boolean",
    "tokenizer/path": "string",
    "tokenizer/max_seq_len": "integer|null",
    "dataset/packed": "boolean",
    "optimizer/lr": "number",
    "optimizer/weight_decay": "number",
    "optimizer/fused": "boolean|null",
    "lr_scheduler/num_warmup_steps": "integer",
}
"""What nearly every component of these groups takes; for the schema, which cannot follow ``_component_``."""
_GROUPS = frozenset({"model", "tokenizer", "dataset", "optimizer", "lr_scheduler", "loss"})
_PEFT = {"q_proj": "q_proj", "k_proj": "k_proj", "v_proj": "v_proj", "output_proj": "o_proj"}
_SIZE = re.compile(r"_(\d{1,4}(?:_\d)?b)(?:_|$)")
"""The size in a builder's name: lora_llama3_8b, lora_qwen2_5_1_5b_instruct."""
_MLP = ("gate_proj", "down_proj", "up_proj")


def recognise(path: str, raw: Mapping[str, object]) -> Recipe | None:
    """A model and more that are built from components, and something to train with: not evaluation or export."""
    parts = [raw.get(key) for key in ("model", "optimizer", "tokenizer", "dataset", "checkpointer")]
    built = sum(isinstance(part, dict) and "_component_" in part for part in parts)
    if built < 2 or not isinstance(raw.get("optimizer"), dict):
        return None
    full, named = resolved(raw)
    found = compose(_book(full, named), path, full, record=path.rpartition("/")[2] in FILES)
    folder, size = _part(full, "checkpointer").get("checkpoint_dir"), _SIZE.search(_component(full, "model"))
    return replace(
        found,
        base_folder=folder if isinstance(folder, str) else None,
        base_size=size[1].replace("_", ".") if size else None,
    )


def _book(raw: Mapping[str, object], named: frozenset[str]) -> Vocabulary:
    """The vocabulary of this configuration, by its components; outermost keys that it refers to are its own."""
    found = components(raw)
    outermost = {**dict.fromkeys(named, "any"), **recipe_keys(), **_RECIPE}
    known = {**outermost, **found.types}
    slips = {key for key in raw if key not in outermost and near(key, set(outermost) - set(raw))}
    return replace(
        _BOOK,
        types=lambda: known,
        # A group under a misspelt name is an unknown key, whatever its component.
        groups=frozenset(place for place in found.groups if place.partition("/")[0] not in slips),
        open_groups=frozenset(found.unknown),
        loose_groups=frozenset(found.loose),
        unjudged=tuple(found.reasons),
    )


def _part(raw: Mapping[str, object], group: str) -> Mapping[str, object]:
    part = raw.get(group)
    return part if isinstance(part, dict) else {}


def _component(raw: Mapping[str, object], group: str) -> str:
    return str(_part(raw, group).get(COMPONENT, ""))


def _targets(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    """The modules in PEFT's names: the attention's as listed, the MLP's three and the output by their switches."""
    model = _part(raw, "model")
    if not isinstance(value, list) or not all(isinstance(item, str) and item in _PEFT for item in value):
        return ()
    found = [_PEFT[item] for item in value]
    found += _MLP if model.get("apply_lora_to_mlp") is True else ()
    found += ("lm_head",) if model.get("apply_lora_to_output") is True else ()
    return (found,)


def _schedule(value: object, raw: Mapping[str, object]) -> tuple[object, ...]:
    return ("cosine",) if str(value).endswith("get_cosine_schedule_with_warmup") else ()


def _is_llama(raw: Mapping[str, object]) -> bool:
    return "lora" in _component(raw, "model")


def _derived(leaves: Leaves) -> Iterator[tuple[str, Stated]]:
    component = leaves.get("model/_component_")
    if component is None or not isinstance(component.value, str):
        return
    name = component.value.rpartition(".")[2]
    yield "peft", senses.says(component, "lora" in name)
    if "qlora" in name:
        yield "quantization", senses.says(component, "int4")


@cache
def _types() -> Mapping[str, str]:
    parts = {f"{group}/{COMPONENT}": "string" for group in _GROUPS}
    return {**recipe_keys(), **_RECIPE, **parts, **_MEMBERS}


_BOOK = Vocabulary(
    platform=PLATFORM,
    meaning={
        "model/lora_rank": "r",
        "model/lora_alpha": "lora_alpha",
        "model/lora_attn_modules": "target_modules",
        "model/use_dora": "use_dora",
        "tokenizer/max_seq_len": "max_length",
        "batch_size": "per_device_train_batch_size",
        "gradient_accumulation_steps": "gradient_accumulation_steps",
        "epochs": "num_train_epochs",
        "optimizer/lr": "learning_rate",
        "optimizer/weight_decay": "weight_decay",
        "lr_scheduler/_component_": "lr_scheduler_type",
        "lr_scheduler/num_warmup_steps": "warmup_steps",
        "seed": "seed",
        "output_dir": "output_dir",
    },
    types=_types,
    groups=_GROUPS,
    senses={
        "model/lora_attn_modules": senses.when(_is_llama, _targets),
        "lr_scheduler/_component_": _schedule,
    },
    derived=_derived,
    lenient=frozenset({"device", "dtype"}),
    decides=frozenset({"save_strategy", "eval_strategy", "logging_steps", "evaluation_data"}),
)
VOCABULARIES: Mapping[str, Vocabulary] = {"torchtune": _BOOK}
