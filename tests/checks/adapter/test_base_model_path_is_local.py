import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.checks._base_names import is_machine_path, model_name, same_model
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "base-model-path-is-local"
CONFIG = "adapter_config.json"
PLACE = "/base_model_name_or_path"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case_in_both_folders() -> None:
    path = "/cheetah/input/model/groupuser/gemma-3-4b-it"
    says = f"the base model is named by a path of the machine that trained: {path}"
    assert found(RULE, seed()) == [
        finding(RULE, WARNING, says, where, PLACE, expected="a hub id or a repository", observed=path)
        for where in (CONFIG, "checkpoint-450/adapter_config.json")
    ]


def test_a_checkpoint_whose_run_names_the_hub_id_is_a_note() -> None:
    """Seen in public repositories: the root's config names the hub id, its checkpoints a folder of that name."""
    where = "checkpoint-9/adapter_config.json"
    (item,) = found(RULE, healthy(json_edits={where: {PLACE: "/root/models/tiny-gemma3"}}))
    assert (item.severity, item.at.path) == (NOTE, where)
    (other,) = found(RULE, healthy(json_edits={where: {PLACE: "/root/models/another"}}))
    assert other.severity == WARNING


def test_passes_no_name_which_another_rule_judges() -> None:
    for value in (None, ""):
        assert found(RULE, healthy(json_edits={CONFIG: {PLACE: value}})) == []


@pytest.mark.parametrize(
    "name",
    [
        "/root/models/llama",
        "C:\\models\\llama",
        "D:/models/llama",
        "../base",
        "~/base",
        "a/b/c",
        "file:///m/llama",
    ],
)
def test_paths_of_one_machine(name: str) -> None:
    assert is_machine_path(name)


@pytest.mark.parametrize(
    "name",
    [
        "google/gemma-3-4b-it",
        "gpt2",
        "git@git.example.com:a/b/c.git",
        "https://huggingface.co/google/gemma-3-4b-it",
    ],
)
def test_names_that_others_can_resolve(name: str) -> None:
    assert not is_machine_path(name)


@pytest.mark.parametrize(
    "name",
    [
        "google/gemma-3-4b-it",
        "/cheetah/input/model/groupuser/Gemma-3-4b-it/",
        "git@git.example.com:groupuser/gemma-3-4b-it.git",
        "/root/hub/models--google--gemma-3-4b-it/snapshots/0123abc",
        "unsloth/gemma-3-4b-it-unsloth-bnb-4bit",
        "D:\\models\\gemma-3-4b-it",
    ],
)
def test_spellings_of_one_model(name: str) -> None:
    assert model_name(name) == "gemma-3-4b-it"
    assert not same_model(name, "google/gemma-3-4b-pt")


@given(st.from_regex(r"[A-Za-z0-9._-]{1,20}(/[A-Za-z0-9._-]{1,20})?", fullmatch=True))
def test_slash_and_case_never_make_another_model(name: str) -> None:
    assert same_model(name, name + "/")
    assert same_model(name, name.upper())


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter_config.json is in the repository"]


def test_an_adapter_inside_a_project_is_a_note() -> None:
    """The project's own scripts resolve the path; 135 of 213 public repositories hold adapters so."""
    data = json.dumps({"peft_type": "LORA", "r": 8, "base_model_name_or_path": "/root/models/llama"}).encode()
    (item,) = found(RULE, memory_snapshot("x", {"out/adapter_config.json": data}))
    assert item.severity is NOTE
    (top,) = found(RULE, memory_snapshot("x", {"adapter_config.json": data}))
    assert top.severity is WARNING
    (page,) = found(RULE, memory_snapshot("x", {"adapter_config.json": data, "README.md": b"# My project"}))
    assert page.severity is NOTE


def test_a_card_that_names_the_hub_id_makes_it_a_note() -> None:
    data = json.dumps(
        {"peft_type": "LORA", "r": 8, "base_model_name_or_path": "/root/models/Llama-8B"}
    ).encode()
    card = b"---\nbase_model: acme/llama-8b\n---\n"
    (item,) = found(RULE, memory_snapshot("x", {"adapter_config.json": data, "README.md": card}))
    assert item.severity is NOTE
