import copy

import pytest

from auditor.errors import CannotRead
from auditor.recipes import cheetah
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._platforms import read_recipe
from tests.builders.blobs import blob, json_blob

# A real cheetah-fine-tuning-config.json; host and data set names are stand-ins.
REAL: dict[str, object] = {
    "experiment_name": "caost-test-2",
    "trainer": "sft",
    "save_model": {
        "type": "git",
        "model_repository": "git@git.example.internal:g/gemma-3-1b-it-finetuning.git",
    },
    "dataset": {
        "type": "git",
        "dataset_branch": "main",
        "dataset_repository": "git@git.example.internal:g/Card-Finance-QnA-Small.git",
        "dataset_path": "/cheetah/input/dataset/g/Card-Finance-QnA-Small",
    },
    "tokenizer_parameters": {
        "block_size": 1024,
        "max_length": 1024,
        "padding": "right",
        "add_eos_token": True,
    },
    "model": {
        "type": "git",
        "model_repository": "git@git.example.internal:g/gemma-3-4b-it.git",
        "model_branch": "main",
        "model_path": "/cheetah/input/model/g/gemma-3-4b-it",
    },
    "peft": {
        "target_modules": "all-linear",
        "quantization": "int4",
        "merge_adapter": None,
        "tuner": "lora",
        "r": 16,
        "lora_alpha": 32,
        "lora_dropout": 0.05,
        "bias": "none",
        "task_type": "CAUSAL_LM",
        "peft": True,
    },
    "train_model_parameters": {
        "log": "tensorboard",
        "scheduler": "linear",
        "seed": 42,
        "batch_size": 2,
        "output_dir": "/cheetah/fine-tuning/output",
        "optimizer": "adamw_torch",
        "dataset_text_field": "text",
        "column_mappings": {"prompt_text_column": "", "rejected_text_column": "text", "text_column": "text"},
        "logging_steps": -1,
        "logging_strategy": "epoch",
        "use_flash_attention": False,
        "evaluation_strategy": "epoch",
        "save_total_limit": 1,
        "auto_find_batch_size": True,
        "mixed_precision": "fp16",
        "learning_rate": 3e-05,
        "chat_template": "None",
        "max_prompt_length": None,
        "max_completion_length": None,
        "distributed_backend": "None",
        "num_train_epochs": 1,
        "warmup_ratio": 0.1,
        "weight_decay": 0,
        "max_grad_norm": 1,
        "model_ref": "",
        "dpo_beta": 0.1,
        "use_fsdp2": False,
        "disable_gc": False,
        "unsloth": "false",
        "do_train": True,
        "do_predict": True,
        "gradient_checkpointing": True,
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": 4,
        "gradient_accumulation": 4,
    },
}
TRAIN = "/train_model_parameters"


def recipe(**changes: object) -> Recipe:
    """REAL with members of train_model_parameters changed, or whole groups when a value is a dict."""
    raw = copy.deepcopy(REAL)
    train = raw["train_model_parameters"]
    assert isinstance(train, dict)
    for key, value in changes.items():
        (raw if key in raw or isinstance(value, dict) else train)[key] = value
    return cheetah.read(json_blob(raw, "cheetah-fine-tuning-config.json"))


@pytest.mark.parametrize(
    ("key", "stated"),
    [
        ("learning_rate", Stated(3e-05, f"{TRAIN}/learning_rate", "learning_rate")),
        ("lr_scheduler_type", Stated("linear", f"{TRAIN}/scheduler", "scheduler")),
        ("optim", Stated("adamw_torch", f"{TRAIN}/optimizer", "optimizer")),
        ("report_to", Stated("tensorboard", f"{TRAIN}/log", "log")),
        ("eval_strategy", Stated("epoch", f"{TRAIN}/evaluation_strategy", "evaluation_strategy")),
        ("gradient_accumulation_steps", Stated(4, f"{TRAIN}/gradient_accumulation", "gradient_accumulation")),
        ("save_total_limit", Stated(1, f"{TRAIN}/save_total_limit", "save_total_limit")),
        ("text_column", Stated("text", f"{TRAIN}/column_mappings/text_column", "text_column")),
        ("gradient_checkpointing", Stated(True, f"{TRAIN}/gradient_checkpointing", "gradient_checkpointing")),
        ("mixed_precision", Stated("fp16", f"{TRAIN}/mixed_precision", "mixed_precision")),
        ("r", Stated(16, "/peft/r", "r")),
        ("quantization", Stated("int4", "/peft/quantization", "quantization")),
        ("target_modules", Stated("all-linear", "/peft/target_modules", "target_modules")),
        ("padding_side", Stated("right", "/tokenizer_parameters/padding", "padding")),
        ("max_length", Stated(1024, "/tokenizer_parameters/max_length", "max_length")),
        ("base_model", Stated("/cheetah/input/model/g/gemma-3-4b-it", "/model/model_path", "model_path")),
        ("base_revision", Stated("main", "/model/model_branch", "model_branch")),
        ("dataset_revision", Stated("main", "/dataset/dataset_branch", "dataset_branch")),
        ("experiment_name", Stated("caost-test-2", "/experiment_name", "experiment_name")),
        ("trainer", Stated("sft", "/trainer", "trainer")),
    ],
)
def test_settings_of_the_real_file(key: str, stated: Stated) -> None:
    assert recipe().settings[key] == stated


def test_the_real_file_has_no_unknown_key() -> None:
    read = recipe()
    assert (read.platform, read.trainer, read.unknown) == ("cheetah", "sft", ())


def test_repositories_are_settings_of_their_own() -> None:
    settings = recipe().settings
    assert settings["output_repository"].value == "git@git.example.internal:g/gemma-3-1b-it-finetuning.git"
    assert settings["base_repository"].value == "git@git.example.internal:g/gemma-3-4b-it.git"
    assert settings["dataset"].value == "git@git.example.internal:g/Card-Finance-QnA-Small.git"


def test_two_keys_for_one_thing() -> None:
    found = {(name, kept.key, other.key) for name, kept, other in recipe().duplicates}
    assert found == {
        ("per_device_train_batch_size", "per_device_train_batch_size", "batch_size"),
        ("text_column", "text_column", "dataset_text_field"),
        ("gradient_checkpointing", "gradient_checkpointing", "disable_gc"),
        ("max_length", "max_length", "block_size"),
    }


def test_only_the_batch_size_contradicts_itself() -> None:
    ((name, kept, other),) = recipe().conflicts()
    assert (name, kept.value, other.value) == ("per_device_train_batch_size", 4, 2)


def test_an_inverse_key_conflicts_by_its_meaning() -> None:
    names = {name for name, _, _ in recipe(disable_gc=True).conflicts()}
    assert names == {"per_device_train_batch_size", "gradient_checkpointing"}
    alone = cheetah.read(json_blob({"train_model_parameters": {"disable_gc": True}}))
    assert alone.settings["gradient_checkpointing"].value is True
    assert alone.value("gradient_checkpointing") is False


def test_strings_where_null_or_a_boolean_is_meant() -> None:
    found = {stated.key: stated.value for stated in recipe().suspicious}
    assert found == {
        "chat_template": "None",
        "distributed_backend": "None",
        "model_ref": "",
        "unsloth": "false",
    }


def test_keys_without_effect_under_sft() -> None:
    assert {stated.key for stated in recipe().inert} == {
        "prompt_text_column",
        "rejected_text_column",
        "max_prompt_length",
        "max_completion_length",
        "model_ref",
        "dpo_beta",
        "do_predict",
    }


def test_preference_keys_have_effect_under_dpo() -> None:
    assert {stated.key for stated in recipe(trainer="dpo").inert} == {"do_predict"}


def test_what_asks_for_nothing_is_not_inert() -> None:
    assert not recipe(trainer="dpo", do_predict=False).inert


def test_unknown_keys_are_dotted_and_pointed_at() -> None:
    read = recipe(learning_rat=1, save_model={"typo/x": 2}, extra=3)
    assert read.unknown == (
        Stated(2, "/save_model/typo~1x", "save_model.typo/x"),
        Stated(1, f"{TRAIN}/learning_rat", "train_model_parameters.learning_rat"),
        Stated(3, f"{TRAIN}/extra", "train_model_parameters.extra"),
    )


def test_a_slash_in_a_key_is_no_group() -> None:
    read = cheetah.read(json_blob({"peft/r": 16}))
    assert (read.settings, read.unknown) == ({}, (Stated(16, "/peft~1r", "peft/r"),))


def test_the_trainers_own_names_are_understood() -> None:
    train = {
        "gradient_accumulation_steps": 2,
        "eval_strategy": "no",
        "save_strategy": "steps",
        "save_steps": 8,
    }
    read = cheetah.read(json_blob({"train_model_parameters": {**train, "optim": "adamw_torch"}}))
    assert {key: stated.value for key, stated in read.settings.items()} == {**train, "optim": "adamw_torch"}
    assert (read.unknown, read.duplicates, read.suspicious, read.inert) == ((), (), (), ())


def test_without_a_path_the_repository_is_the_base() -> None:
    read = cheetah.read(json_blob({"model": {"model_repository": "org/base", "model_path": None}}))
    assert read.settings["base_model"] == Stated("org/base", "/model/model_repository", "model_repository")


@pytest.mark.parametrize(
    "raw", [{}, {"peft": 3}, {"peft": ["r"]}, {"train_model_parameters": None}, {"trainer": 7}]
)
def test_groups_of_the_wrong_type_are_unknown_and_nothing_else(raw: dict[str, object]) -> None:
    read = cheetah.read(json_blob(raw))
    assert read.trainer is None
    assert [stated.key for stated in read.unknown] == [key for key in raw if key != "trainer"]


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_cannot_be_read(data: bytes) -> None:
    with pytest.raises(CannotRead):
        cheetah.read(blob(data))


def test_the_platform_is_found_by_the_files_name() -> None:
    found = read_recipe(
        "a/cheetah-fine-tuning-config.json", json_blob(REAL, "a/cheetah-fine-tuning-config.json")
    )
    assert found is not None
    assert found.path == "a/cheetah-fine-tuning-config.json"
    assert read_recipe("a/config.json", json_blob(REAL)) is None


def test_a_file_of_endless_unknown_keys_is_judged_in_part_and_said() -> None:
    keys = {f"learning_ra{number}e": 1 for number in range(3000)} | {"warmup_ration": 0.1}
    found = cheetah.read(json_blob({"train_model_parameters": keys}))
    assert found.unjudged == ("only the first 1,000 of 3,001 unknown keys are held against known ones",)
    assert "warmup_ratio" not in [likely for _, likely in found.misspelt]
