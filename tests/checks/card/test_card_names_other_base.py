import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.checks.card._names import Relation, relation
from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import CARD, NO_CARD, honest, replaced, with_card, without_cards
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "card-names-other-base"
CONFIG = "adapter_config.json"
NAME = "/base_model_name_or_path"
LINE = "base_model: tiny-labs/tiny-gemma3"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case_at_the_root_only() -> None:
    path = "/cheetah/input/model/groupuser/gemma-3-4b-it"
    assert found(RULE, seed()) == [
        finding(
            RULE,
            ERROR,
            f"the card's base_model is google/gemma-3-4b-pt, and the adapter was made for {path}",
            CARD,
            "base_model",
            expected=path,
            observed="google/gemma-3-4b-pt",
            evidence=(f"cheetah-fine-tuning-config.json declares {path} too",),
        )
    ]


def test_fails_as_a_warning_where_one_name_says_more() -> None:
    (only,) = found(RULE, replaced(LINE, "base_model: tiny-labs/tiny-gemma3-v2"))
    assert only.severity is WARNING


def test_passes_when_one_of_several_agrees() -> None:
    assert found(RULE, replaced(LINE, "base_model: [other/llama-3-8b, tiny-labs/tiny-gemma3]")) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("google/gemma-3-4b-it", "/models/gemma-3-4b-it/"),
        ("unsloth/Llama-3.2-1B-Instruct-bnb-4bit", "meta-llama/Llama-3.2-1B-Instruct"),
        ("unsloth/llama-3-8b", "meta-llama/Meta-Llama-3-8B"),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "Qwen/Qwen2.5-7B-Instruct"),
        ("Qwen/Qwen2.5-7B-base", "Qwen/Qwen2.5-7B"),
    ],
)
def test_spellings_of_one_model(one: str, other: str) -> None:
    assert relation(one, other) is Relation.SAME
    assert relation(other, one) is Relation.SAME


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ("google/gemma-3-4b-pt", "google/gemma-3-4b-it", Relation.OTHER),
        ("google/gemma-3-4b-it", "google/gemma-3-12b-it", Relation.OTHER),
        ("Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B-Instruct", Relation.OTHER),
        ("microsoft/phi-3", "microsoft/phi-4", Relation.OTHER),
        ("mistralai/Mistral-7B-v0.1", "unsloth/mistral-7b", Relation.UNCLEAR),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "model", Relation.SILENT),
        ("openai/whisper-medium", "./output/checkpoint-300", Relation.SILENT),
        ("meta-llama/Llama-3.2-1B", "/data/merged", Relation.SILENT),
    ],
)
def test_what_two_names_say(one: str, other: str, says: Relation) -> None:
    assert relation(one, other) is says
    assert relation(other, one) is says


@given(st.from_regex(r"[A-Za-z0-9._-]{1,20}/[A-Za-z0-9._-]{1,20}", fullmatch=True))
def test_a_name_is_always_the_same_model_as_itself(name: str) -> None:
    assert relation(name, f"/some/folder/{name.upper()}/") is Relation.SAME


def test_fails_for_the_tag_alone() -> None:
    tag = "- base_model:adapter:tiny-labs/tiny-gemma3"
    (only,) = found(RULE, replaced(tag, "- base_model:adapter:tiny-labs/tiny-llama-1b"))
    assert only.at.member == "tags"
    assert only.expected == "base_model:adapter:tiny-labs/tiny-gemma3"
    assert only.observed == "base_model:adapter:tiny-labs/tiny-llama-1b"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_cards()) == [NO_CARD]
    nameless = healthy(json_edits={CONFIG: {NAME: None}}, without=["checkpoint-9/", "checkpoint-18/"])
    assert reasons(RULE, nameless) == ["adapter_config.json names no base model"]
    alone = ["checkpoint-9/", "checkpoint-18/"]
    silent = honest().replace(LINE + "\n", "").replace("- base_model:adapter:tiny-labs/tiny-gemma3\n", "")
    assert reasons(RULE, with_card(silent, without=alone)) == ["the card names no base_model"]
    folder = replaced(
        LINE, "base_model: other/llama-3-8b", json_edits={CONFIG: {NAME: "model"}}, without=alone
    )
    assert reasons(RULE, folder) == ["a folder is named whose name need not be its model's"]
