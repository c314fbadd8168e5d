"""Names of modules are those of torchtune 0.6.1, models/convert_weights.py, _TO_PEFT_TARGET_MODULES."""

import pytest

from auditor.recipes._base import Recipe
from auditor.recipes._platforms import read_recipe
from tests.builders.blobs import blob
from tests.builders.platforms import TORCHTUNE, recipe_of


def edited(old: str = "", new: str = "", path: str = "recipe.yaml") -> Recipe:
    assert old in TORCHTUNE
    return recipe_of(path, TORCHTUNE.replace(old, new) if old else TORCHTUNE)


@pytest.mark.parametrize(
    ("canonical", "member", "meant"),
    [
        ("r", "/model/lora_rank", 8),
        ("lora_alpha", "/model/lora_alpha", 16),
        ("learning_rate", "/optimizer/lr", 2e-3),
        ("lr_scheduler_type", "/lr_scheduler/_component_", "cosine"),
        ("warmup_steps", "/lr_scheduler/num_warmup_steps", 100),
        ("per_device_train_batch_size", "/batch_size", 1),
        ("max_length", "/tokenizer/max_seq_len", 64),
        ("quantization", "/model/_component_", "int4"),
        ("peft", "/model/_component_", True),
    ],
)
def test_names(canonical: str, member: str, meant: object) -> None:
    stated = edited().settings[canonical]
    assert (stated.member, stated.meant) == (member, meant)


def test_modules_in_pefts_names() -> None:
    assert edited().value("target_modules") == [
        "q_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "down_proj",
        "up_proj",
    ]
    found = edited("apply_lora_to_mlp: True", "apply_lora_to_mlp: False\n  apply_lora_to_output: True")
    assert found.value("target_modules") == ["q_proj", "v_proj", "o_proj", "lm_head"]


def test_what_is_not_claimed() -> None:
    # dropout is not written to adapter_config.json, dtype is the whole model's, the base is a folder of the machine.
    assert not {"lora_dropout", "mixed_precision", "base_model", "seed"} & set(edited().settings)


def test_only_what_torchtune_saved_is_a_record() -> None:
    assert not edited().record
    assert edited(path="out/torchtune_config.yaml").record


def test_arguments_of_a_component_are_free() -> None:
    found = edited("fused: True", "fussed: True\n  betas: [0.9, 0.95]")
    assert found.misspelt == ()
    ((stated, likely),) = edited("gradient_accumulation_steps", "gradient_accumulation_step").misspelt
    assert (stated.key, likely) == ("gradient_accumulation_step", "gradient_accumulation_steps")


def test_evaluation_is_no_training() -> None:
    assert read_recipe("eval.yaml", blob(TORCHTUNE.partition("optimizer:")[0])) is None


def test_one_component_is_some_other_programs() -> None:
    assert read_recipe("config.yaml", blob("model:\n  _component_: torchtune.models.x\n")) is None
