"""Meanings are those of llamafactory 0.9.5, hparams/*_args.py and webui/runner.py."""

import pytest

from auditor.recipes._base import Recipe
from auditor.recipes._platforms import read_recipe
from tests.builders.blobs import blob
from tests.builders.platforms import LLAMA_BOARD, LLAMA_FACTORY, recipe_of


def edited(old: str = "", new: str = "", path: str = "train.yaml") -> Recipe:
    assert old in LLAMA_FACTORY
    return recipe_of(path, LLAMA_FACTORY.replace(old, new) if old else LLAMA_FACTORY)


@pytest.mark.parametrize(
    ("canonical", "meant"),
    [
        ("r", 8),
        ("lora_alpha", 16),
        ("target_modules", ["q_proj", "v_proj"]),
        ("tuner", "lora"),
        ("peft", True),
        ("quantization", "int4"),
        ("max_length", 64),
        # PyYAML reads 2e-3 as a text, the platform's own loader as a number.
        ("learning_rate", 2e-3),
        # YAML reads the word no as false.
        ("eval_strategy", "no"),
        ("base_model", "tiny-labs/tiny-gemma3"),
        ("num_train_epochs", 1.0),
        ("max_samples", 1000),
    ],
)
def test_names(canonical: str, meant: object) -> None:
    assert edited().value(canonical) == meant


def test_the_honest_file_is_known_entirely() -> None:
    found = edited()
    assert (found.platform, found.trainer, found.record) == ("LLaMA-Factory", "sft", False)
    assert (found.unknown, found.suspicious, found.mistyped, found.duplicates) == ((), (), (), ())


def test_defaults_are_not_claimed() -> None:
    # The platform's own are 8 and twice the rank.
    found = edited("lora_rank: 8\nlora_alpha: 16\n", "")
    assert not {"r", "lora_alpha", "mixed_precision", "bias", "task_type"} & set(found.settings)


def test_every_linear_layer_is_a_search_of_its_own() -> None:
    assert edited("q_proj, v_proj", "all").value("target_modules") == "all"


def test_precision_by_two_switches() -> None:
    assert edited("stage: sft", "stage: sft\nbf16: true").value("mixed_precision") == "bf16"
    assert edited("stage: sft", "stage: sft\nfp16: true").value("mixed_precision") == "fp16"
    assert "mixed_precision" not in edited("stage: sft", "stage: sft\nbf16: true\npure_bf16: true").settings


def test_full_fine_tuning_claims_nothing_of_lora() -> None:
    found = edited("finetuning_type: lora", "finetuning_type: full")
    assert found.value("peft") is False
    assert not {"r", "lora_alpha", "target_modules"} & set(found.settings)


@pytest.mark.parametrize(
    "text",
    [
        "model_name_or_path: a/b\nadapter_name_or_path: saves/x\ntemplate: gemma\nfinetuning_type: lora\n",
        "model_name_or_path: a/b\nadapter_name_or_path: x\nfinetuning_type: lora\nlora_rank: 8\nexport_dir: merged\n",
    ],
    ids=["inference", "export"],
)
def test_configurations_that_train_nothing_are_none(text: str) -> None:
    assert read_recipe("infer.yaml", blob(text)) is None


def test_what_the_web_interface_saves_is_a_record() -> None:
    assert edited(path="out/training_args.yaml").record
    found = recipe_of("out/llamaboard_config.yaml", LLAMA_BOARD)
    assert (found.record, found.platform) == (True, "LLaMA-Factory")
    assert {
        key: found.value(key) for key in ("r", "learning_rate", "num_train_epochs", "mixed_precision")
    } == {
        "r": 8,
        "learning_rate": 2e-3,
        "num_train_epochs": 1.0,
        "mixed_precision": "bf16",
    }
    assert (found.misspelt, found.mistyped) == ((), ())


def test_an_adapter_that_is_loaded_keeps_its_own_rank() -> None:
    loaded = edited("stage: sft", "stage: sft\nadapter_name_or_path: saves/old")
    assert not {"r", "lora_alpha", "target_modules"} & set(loaded.settings)
    again = edited("stage: sft", "stage: sft\nadapter_name_or_path: saves/old\ncreate_new_adapter: true")
    assert again.value("r") == 8


def test_the_box_of_extra_arguments_has_the_last_word() -> None:
    board = LLAMA_BOARD + "train.extra_args: '{\"learning_rate\": 1e-5}'\n"
    assert "learning_rate" not in recipe_of("llamaboard_config.yaml", board).settings


def test_another_platforms_name_is_a_slip() -> None:
    ((stated, likely),) = edited("lora_rank: 8", "lora_r: 8\ncutof_len: 9").misspelt[:1]
    assert (stated.key, likely) == ("lora_r", "lora_rank")


@pytest.mark.parametrize(
    ("old", "new", "key", "meant"),
    [
        ("train.lora_rank", "train.lora_rnak", "train.lora_rnak", "lora_rank"),
        ("train.num_train_epochs", "train.num_train_epoch", "train.num_train_epoch", "num_train_epochs"),
        ("top.quantization_bit", "top.quantisation_bit", "top.quantisation_bit", "quantization_bit"),
        ("train.lora_rank", "train.lora_r", "train.lora_r", "lora_rank"),
    ],
)
def test_a_slip_among_the_web_interfaces_elements(old: str, new: str, key: str, meant: str) -> None:
    found = recipe_of("llamaboard_config.yaml", LLAMA_BOARD.replace(old, new))
    assert [(stated.key, likely) for stated, likely in found.misspelt] == [(key, meant)]


@pytest.mark.parametrize(
    ("old", "new", "key", "types"),
    [
        ("lora_rank: 8", "lora_rank: eight", "train.lora_rank", "number"),
        ("learning_rate: 2e-3", "learning_rate: fast", "train.learning_rate", "number"),
        ("lora_dropout: 0.05", "lora_dropout: [0]", "train.lora_dropout", "number"),
    ],
)
def test_a_value_that_an_element_does_not_hold(old: str, new: str, key: str, types: str) -> None:
    ((stated, wanted),) = recipe_of("llamaboard_config.yaml", LLAMA_BOARD.replace(old, new)).mistyped
    assert (stated.key, stated.member, wanted) == (key, f"/{key}", types)


def test_every_element_of_a_page_is_known() -> None:
    # llamafactory 0.9.5, webui/components/train.py: boxes of text hold numbers as texts, and products of pixels.
    more = """train.train_seed: '42'
train.max_samples: '100000'
train.image_max_pixels: 768*768
train.dataset: [sums]
train.val_size: 0
train.extra_args: '{"optim": "adamw_torch"}'
train.use_pissa: false
train.additional_target: ''
top.checkpoint_path: null
top.model_name: Custom
top.booster: auto
train.pref_loss: sigmoid
train.dpo_beta: 0.1
"""
    found = recipe_of("llamaboard_config.yaml", LLAMA_BOARD + more)
    assert (found.unknown, found.misspelt, found.mistyped, found.suspicious) == ((), (), (), ())
