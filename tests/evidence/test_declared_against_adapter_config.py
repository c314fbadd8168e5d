"""Declared adapter settings against what PEFT saved."""

import pytest

from auditor.evidence import declared_against_adapter_config as module
from auditor.model import Status
from auditor.runs import Run
from tests.builders.repositories import healthy, seed
from tests.evidence.support import adapter, recipe, run_of, said


def run_with(declared: dict[str, object], **saved: object) -> Run:
    return run_of(
        {"adapter_config.json": adapter(**saved), "cheetah-fine-tuning-config.json": recipe(peft=declared)}
    )


@pytest.mark.parametrize(
    ("key", "declared", "saved", "expected"),
    [
        ("r", 16, 16, Status.VERIFIED),
        ("r", "16", 16, Status.VERIFIED),
        ("r", 16, 8, Status.CONTRADICTED),
        ("lora_alpha", 32, 32.0, Status.VERIFIED),
        ("lora_dropout", 0.05, 0.0, Status.CONTRADICTED),
        ("bias", "none", "none", Status.VERIFIED),
        ("bias", "all", "none", Status.CONTRADICTED),
        ("use_dora", True, False, Status.CONTRADICTED),
        ("task_type", "CAUSAL_LM", "CAUSAL_LM", Status.VERIFIED),
        ("task_type", "CAUSAL_LM", "SEQ_CLS", Status.CONTRADICTED),
        # peft resets it when it saves a converted adapter.
        ("init_lora_weights", "pissa", True, Status.UNVERIFIABLE),
        ("init_lora_weights", "pissa", "olora", Status.CONTRADICTED),
        ("target_modules", ["q_proj", "v_proj"], ["v_proj", "q_proj"], Status.VERIFIED),
        ("target_modules", ["q_proj", "v_proj"], ["q_proj"], Status.CONTRADICTED),
        ("target_modules", r".*\.q_proj", r".*\.q_proj", Status.VERIFIED),
        ("target_modules", r".*\.q_proj", r".*\.v_proj", Status.CONTRADICTED),
        # peft adds the heads of a task.
        ("modules_to_save", ["classifier"], ["classifier", "score"], Status.VERIFIED),
        ("modules_to_save", ["lm_head"], None, Status.CONTRADICTED),
    ],
)
def test_values_are_compared_by_meaning(key: str, declared: object, saved: object, expected: Status) -> None:
    assert said(run_with({key: declared}, **{key: saved}), module)[key][0] is expected


@pytest.mark.parametrize(
    ("declared", "saved"),
    [
        ("all-linear", ["q_proj", "v_proj"]),
        (["q_proj"], r".*\.q_proj"),
        ([f"layers.{number}.q_proj" for number in range(20)], ["q_proj"]),
    ],
)
def test_what_peft_rewrites_is_not_compared_literally(declared: object, saved: object) -> None:
    assert said(run_with({"target_modules": declared}, target_modules=saved), module) == {}


def test_a_task_type_that_did_not_arrive() -> None:
    assert said(run_of(seed()), module)["task_type"] == (
        Status.CONTRADICTED,
        "CAUSAL_LM is declared, and null is what PEFT received: task_type did not arrive",
    )


@pytest.mark.parametrize(
    ("declared", "saved", "expected"),
    [
        ("/cheetah/model/gemma-3-4b-it", "/cheetah/model/gemma-3-4b-it/", Status.VERIFIED),
        ("google/gemma-3-4b-it", "/models/gemma-3-4b-it", Status.VERIFIED),
        ("meta-llama/Llama-3.1-8B", "unsloth/llama-3.1-8b-bnb-4bit", Status.VERIFIED),
        ("google/gemma-3-4b-it", "google/gemma-3-4b-pt", Status.CONTRADICTED),
        ("/input/gemma-3-1b-it", "/input/gemma-3-4b-it", Status.CONTRADICTED),
        # Folders that may hold a copy, and names of two kinds.
        ("/input/gemma-3-4b-it", "/srv/base", Status.UNVERIFIABLE),
        ("google/gemma-3-4b-it", "/models/gemma-3-4b", Status.UNVERIFIABLE),
        ("google/gemma-3-4b-it", "outputs/checkpoint-3b", Status.UNVERIFIABLE),
        ("git@host:group/gemma-3-4b-it.git", "/models/gemma-3-4b", Status.UNVERIFIABLE),
    ],
)
def test_two_names_of_a_base_contradict_only_when_they_are_of_one_kind(
    declared: str, saved: str, expected: Status
) -> None:
    config = recipe(model={"model_path": declared})
    run = run_of(
        {
            "adapter_config.json": adapter(base_model_name_or_path=saved),
            "cheetah-fine-tuning-config.json": config,
        }
    )
    assert said(run, module)["base_model"][0] is expected


def test_the_healthy_run_agrees() -> None:
    outcomes = said(run_of(healthy()), module)
    assert {"r", "lora_alpha", "target_modules", "base_model"} <= set(outcomes)
    assert {outcome for outcome, _ in outcomes.values()} == {Status.VERIFIED}


def test_is_silent_without_a_declaration_or_for_another_program() -> None:
    assert said(run_of({"adapter_config.json": adapter()}), module) == {}
    assert said(run_with({"r": 8}, peft_type=None), module) == {}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("030923d326124201d3b2c238114ef6e448dcbaa4", {"base_revision": Status.VERIFIED}),
        ("130923d326124201d3b2c238114ef6e448dcbaa4", {"base_revision": Status.CONTRADICTED}),
        # A branch may point at any commit.
        ("main", {}),
    ],
)
def test_commits_of_the_base(declared: str, expected: dict[str, Status]) -> None:
    edits = {"cheetah-fine-tuning-config.json": {"/model/model_branch": declared}}
    outcomes = said(run_of(healthy(json_edits=edits)), module)
    assert {key: outcome for key, (outcome, _) in outcomes.items() if key == "base_revision"} == expected
