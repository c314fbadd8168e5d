"""Meanings are those of ms-swift 3.5.0, llm/argument, and 2.5.2, llm/utils/argument.py."""

import pytest

from auditor.recipes._base import Recipe
from auditor.recipes._platforms import read_recipe
from tests.builders.blobs import json_blob
from tests.builders.platforms import MS_SWIFT, recipe_of


def args(path: str = "checkpoint-9/args.json", **changes: object) -> Recipe:
    return recipe_of(path, {**MS_SWIFT, **changes})


@pytest.mark.parametrize(
    ("canonical", "meant"),
    [
        ("r", 8),
        ("lora_alpha", 16),
        ("bias", "none"),
        ("target_modules", "all"),
        ("tuner", "lora"),
        ("peft", True),
        ("quantization", "int4"),
        ("mixed_precision", "bf16"),
        ("max_length", 64),
        ("base_model", "tiny-labs/tiny-gemma3"),
        ("seed", 42),
    ],
)
def test_names(canonical: str, meant: object) -> None:
    assert args().value(canonical) == meant


def test_the_honest_file_is_known_entirely() -> None:
    found = args()
    assert (found.platform, found.trainer, found.record) == ("ms-swift", "sft", True)
    assert (found.unknown, found.suspicious, found.mistyped, found.duplicates) == ((), (), (), ())


@pytest.mark.parametrize("value", [True, False, "gaussian"])
def test_the_start_of_the_weights_is_a_text_or_what_became_of_it(value: object) -> None:
    """`--init_weights true` is a text, and true in the args.json of ms-swift 4.6.0."""
    assert args(init_weights=value).mistyped == ()


def test_steps_of_the_warm_up_are_claimed_without_a_share_of_it() -> None:
    """`--warmup_ratio 0.1` with transformers 5.23.0: the Trainer gets 0.1 as its steps, args.json has 0."""
    assert args(warmup_steps=3, warmup_ratio=0.0).value("warmup_steps") == 3
    assert "warmup_steps" not in args(warmup_steps=0, warmup_ratio=0.1).settings


def test_what_holds_while_training_only_is_not_claimed() -> None:
    assert not {"data_seed", "padding_side", "gradient_checkpointing", "max_steps"} & set(args().settings)


def test_full_fine_tuning_claims_nothing_of_lora() -> None:
    found = args(train_type="full")
    assert found.value("peft") is False
    assert not {"r", "lora_alpha", "bias", "target_modules"} & set(found.settings)


def test_an_adapter_that_is_loaded_keeps_its_own_rank() -> None:
    assert not {"r", "lora_alpha", "target_modules"} & set(args(adapters=["output/old"]).settings)


def test_the_words_of_2x() -> None:
    old = {
        "sft_type": "lora",
        "model_type": "qwen1half-7b-chat",
        "model_id_or_path": "qwen/Qwen1.5-7B-Chat",
        "template_type": "qwen",
        "max_length": 2048,
        "lora_rank": 8,
        "lora_target_modules": ["DEFAULT"],
        "quantization_bit": 0,
        "batch_size": 1,
    }
    found = recipe_of("sft_args.json", old)
    assert (found.record, found.value("base_model"), found.value("quantization")) == (
        True,
        "qwen/Qwen1.5-7B-Chat",
        "no",
    )
    assert found.value("per_device_train_batch_size") == 1
    # DEFAULT is looked up by the model's type.
    assert "target_modules" not in found.settings


def test_another_programs_args_json_is_nobodys() -> None:
    assert read_recipe("args.json", json_blob({"lora_rank": 8, "model_type": "x", "epochs": 3})) is None
