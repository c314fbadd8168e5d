"""Names are those of unsloth 2026.10.9, unsloth_cli/config.py."""

import pytest

from auditor.recipes._base import Recipe
from auditor.recipes._platforms import read_recipe
from tests.builders.blobs import blob
from tests.builders.platforms import UNSLOTH, recipe_of


def edited(old: str = "", new: str = "") -> Recipe:
    assert old in UNSLOTH
    return recipe_of("unsloth.yaml", UNSLOTH.replace(old, new) if old else UNSLOTH)


@pytest.mark.parametrize(
    ("canonical", "member", "meant"),
    [
        ("r", "/lora/lora_r", 8),
        ("target_modules", "/lora/target_modules", ["q_proj", "v_proj"]),
        ("seed", "/training/random_seed", 3407),
        ("quantization", "/training/load_in_4bit", "int4"),
        ("num_train_epochs", "/training/num_epochs", 1),
        ("base_model", "/model", "tiny-labs/tiny-gemma3"),
        ("peft", "/training/training_type", True),
    ],
)
def test_names(canonical: str, member: str, meant: object) -> None:
    stated = edited().settings[canonical]
    assert (stated.member, stated.meant) == (member, meant)


def test_the_honest_file_is_known_entirely() -> None:
    found = edited()
    assert (found.platform, found.record) == ("unsloth", False)
    assert (found.unknown, found.suspicious, found.mistyped, found.duplicates) == ((), (), (), ())


def test_zero_asks_for_nothing() -> None:
    assert not {"max_steps", "save_steps"} & set(edited().settings)


def test_full_fine_tuning_claims_nothing_of_lora() -> None:
    found = edited("training_type: lora", "training_type: full")
    assert found.value("peft") is False
    assert not {"r", "lora_alpha", "target_modules"} & set(found.settings)


def test_groups_of_these_names_alone_are_nobodys() -> None:
    assert read_recipe("config.yaml", blob("training:\n  epochs: 1\nlora:\n  rank: 8\n  lora_r: 8\n")) is None


def test_a_slip_in_a_group() -> None:
    ((stated, likely),) = edited("gradient_accumulation_steps", "gradient_accumulation_step").misspelt
    assert (stated.key, likely) == ("training.gradient_accumulation_step", "gradient_accumulation_steps")


def test_a_slip_and_a_wrong_type_in_the_group_of_data() -> None:
    # unsloth 2026.10.9, unsloth_cli/config.py, DataConfig.
    ((stated, likely),) = edited("format_type: auto", "fromat_type: auto").misspelt
    assert (stated.member, likely) == ("/data/fromat_type", "format_type")
    ((stated, wanted),) = edited("dataset: sums", "dataset: 7.5\n  local_dataset: 3").mistyped
    assert (stated.member, wanted) == ("/data/local_dataset", "array|null")
