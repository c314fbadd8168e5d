"""Meanings are those of autotrain-advanced 0.8.36, trainers/clm/utils.py, configure_training_args."""

import pytest

from auditor.recipes._base import Recipe
from tests.builders.platforms import AUTOTRAIN, AUTOTRAIN_YAML, recipe_of

NAME = "training_params.json"


def params(**changes: object) -> Recipe:
    return recipe_of(NAME, {**AUTOTRAIN, **changes})


@pytest.mark.parametrize(
    ("canonical", "key", "meant"),
    [
        ("learning_rate", "lr", 2e-3),
        ("num_train_epochs", "epochs", 1),
        ("per_device_train_batch_size", "batch_size", 1),
        ("gradient_accumulation_steps", "gradient_accumulation", 2),
        ("optim", "optimizer", "adamw_torch"),
        ("lr_scheduler_type", "scheduler", "linear"),
        ("r", "lora_r", 8),
        ("lora_alpha", "lora_alpha", 16),
        ("target_modules", "target_modules", "all-linear"),
        ("quantization", "quantization", "int4"),
        ("base_model", "model", "tiny-labs/tiny-gemma3"),
        ("gradient_checkpointing", "disable_gradient_checkpointing", False),
        ("block_size", "block_size", 64),
    ],
)
def test_names(canonical: str, key: str, meant: object) -> None:
    stated = params().settings[canonical]
    assert (stated.key, stated.meant) == (key, meant)


def test_what_autotrain_decides_is_not_claimed() -> None:
    # -1 is "automatic", evaluation is off without a validation split, seed never reaches the trainer.
    assert not {"logging_steps", "eval_strategy", "save_strategy", "seed", "mixed_precision"} & set(
        params().settings
    )
    assert params(logging_steps=5).value("logging_steps") == 5
    assert params(valid_split="test").value("eval_strategy") == "epoch"


def test_without_peft_nothing_is_claimed_of_lora() -> None:
    assert not {"r", "lora_alpha", "lora_dropout", "target_modules"} & set(params(peft=False).settings)


def test_old_releases_speak_of_bits_and_halves() -> None:
    old = {
        key: value
        for key, value in AUTOTRAIN.items()
        if key not in ("quantization", "mixed_precision", "peft")
    }
    found = recipe_of(NAME, {**old, "use_peft": True, "use_int4": False, "use_int8": True, "fp16": False})
    assert found.value("quantization") == "int8"
    # Those releases have no bf16: false is full precision.
    assert found.value("mixed_precision") == "no"
    assert found.value("r") == 8
    assert not found.unknown


def test_targets_in_one_text() -> None:
    assert params(target_modules="q_proj, v_proj").value("target_modules") == ["q_proj", "v_proj"]
    assert "target_modules" not in params(target_modules=None).settings


def test_the_yaml_says_the_same_in_groups() -> None:
    found = recipe_of("config.yaml", AUTOTRAIN_YAML)
    assert (found.platform, found.trainer, found.record) == ("AutoTrain", "sft", False)
    assert found.settings["learning_rate"].member == "/params/lr"
    assert found.value("learning_rate") == 2e-3
    assert found.value("target_modules") == ["q_proj", "v_proj"]
    assert found.value("mixed_precision") == "bf16"
    assert (found.unknown, found.mistyped) == ((), ())


def test_a_slip_in_the_yaml_is_seen_in_its_group() -> None:
    found = recipe_of(
        "config.yaml", AUTOTRAIN_YAML.replace("gradient_accumulation:", "gradient_acumulation:")
    )
    ((stated, likely),) = found.misspelt
    assert (stated.key, likely) == ("params.gradient_acumulation", "gradient_accumulation")


@pytest.mark.parametrize(
    ("old", "new", "key", "meant"),
    [
        ("  push_to_hub: false", "  push_to_hubb: false", "hub.push_to_hubb", "push_to_hub"),
        ("  train_split: train", "  train_spilt: train", "data.train_spilt", "train_split"),
        ("project_name:", "projectname:", "projectname", "project_name"),
    ],
)
def test_a_slip_in_every_group_of_the_yaml(old: str, new: str, key: str, meant: str) -> None:
    found = recipe_of("config.yaml", AUTOTRAIN_YAML.replace(old, new))
    assert [(stated.key, likely) for stated, likely in found.misspelt] == [(key, meant)]


def test_columns_are_anybodys() -> None:
    text = AUTOTRAIN_YAML.replace("    text_column: text", "    text_column: text\n    textcolumn: other")
    assert recipe_of("config.yaml", text).misspelt == ()


def test_a_slip_in_the_name_of_a_group() -> None:
    found = recipe_of("config.yaml", AUTOTRAIN_YAML.replace("hub:", "hubb:"))
    assert [(stated.key, likely) for stated, likely in found.misspelt] == [("hubb", "hub")]
