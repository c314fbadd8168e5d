"""Meanings are those of trl 1.16.0, trainer/model_config.py and trainer/sft_config.py."""

import json

import pytest

from auditor.recipes import trl
from auditor.recipes._base import Recipe
from auditor.recipes._platforms import read_recipe
from auditor.recipes._vocabulary import words
from tests.builders.blobs import blob, json_blob
from tests.builders.platforms import TRL, recipe_of


def edited(old: str = "", new: str = "") -> Recipe:
    assert old in TRL
    return recipe_of("sft.yaml", TRL.replace(old, new) if old else TRL)


@pytest.mark.parametrize(
    ("canonical", "meant"),
    [
        ("r", 8),
        ("lora_alpha", 16),
        ("target_modules", "all-linear"),
        ("quantization", "int4"),
        ("mixed_precision", "bf16"),
        ("max_length", 64),
        ("text_column", "text"),
        ("packing", False),
        ("peft", True),
        ("eval_strategy", "steps"),
        ("base_model", "tiny-labs/tiny-gemma3"),
    ],
)
def test_names(canonical: str, meant: object) -> None:
    assert edited().value(canonical) == meant


def test_the_honest_file_is_known_entirely() -> None:
    found = edited()
    assert (found.platform, found.trainer, found.record) == ("TRL SFT", "sft", False)
    assert (found.unknown, found.suspicious, found.mistyped, found.duplicates) == ((), (), (), ())


def test_without_peft_nothing_is_claimed_of_lora() -> None:
    assert not {"r", "lora_alpha", "target_modules"} & set(
        edited("use_peft: true", "use_peft: false").settings
    )


def test_a_dump_of_all_arguments_is_a_record() -> None:
    values: dict[str, object] = dict.fromkeys(words("trainer"))
    values |= {
        "dataset_text_field": "text",
        "learning_rate": 1e-4,
        "per_device_train_batch_size": 4,
        "beta": 0.1,
        "loss_type": ["sigmoid"],
    }
    found = recipe_of("training_args.json", {**values, "precompute_ref_log_probs": False})
    assert (found.platform, found.trainer, found.record) == ("TRL DPO", "dpo", True)
    # What is null is not declared.
    assert {key: found.value(key) for key in found.settings} == {
        "learning_rate": 1e-4,
        "per_device_train_batch_size": 4,
    }


def test_which_trainer() -> None:
    assert trl.kind({"dataset_text_field": "text"}) == "sft"
    assert trl.kind({"beta": 0.1, "loss_type": "sigmoid", "max_prompt_length": 5}) == "dpo"
    assert trl.kind({"learning_rate": 1}) is None


@pytest.mark.parametrize(
    "values",
    [
        {"output_dir": "x", "learning_rate": 1e-4, "num_train_epochs": 1},
        {"model_name_or_path": "a/b", "dataset_name": "c", "learning_rate": 1e-4},
    ],
    ids=["no model", "no trainer"],
)
def test_a_few_common_words_are_nobodys(values: dict[str, object]) -> None:
    assert read_recipe("sft_config.json", json_blob(values)) is None
    assert read_recipe("config.yaml", blob(json.dumps(values))) is None


def test_entries_of_a_mixture_of_data_sets() -> None:
    # trl 0.19.1, scripts/utils.py, DatasetConfig.
    mixed = TRL.replace(
        "dataset_name: tiny-labs/tiny-sums", "datasets:\n  - path: a/b\n    {} [x]\n  - path: c/d"
    )
    honest = recipe_of("sft.yaml", mixed.replace("{}", "columns:"))
    assert (honest.unknown, honest.misspelt, honest.mistyped, honest.unjudged) == ((), (), (), ())
    ((stated, likely),) = recipe_of("sft.yaml", mixed.replace("{}", "colums:")).misspelt
    assert (stated.member, likely) == ("/datasets/0/colums", "columns")


def test_a_template_of_a_configuration_declares_nothing_where_it_is_empty() -> None:
    found = recipe_of("sft.yaml", TRL.replace("lora_r: 8", 'lora_r: "{{ rank }}"'))
    assert (found.mistyped, found.value("r")) == ((), None)
