import pytest

from auditor.checks.card.licence_looser_than_base import terms_of
from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import CARD, honest, without_cards
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "licence-looser-than-base"
CONFIG = "adapter_config.json"
UNKNOWN = ["the card states no licence, or the base is none whose terms are known here"]


def of(base: str, licence: str, tags: str = "") -> Snapshot:
    text = (
        honest().replace("license: apache-2.0", f"license: {licence}").replace("- lora\n", f"- lora\n{tags}")
    )
    text = text.replace("base_model: tiny-labs/tiny-gemma3", f"base_model: {base}")
    return healthy(text={CARD: text}, json_edits={CONFIG: {"/base_model_name_or_path": base}})


def test_passes_the_base_s_own_terms() -> None:
    assert found(RULE, of("google/gemma-3-4b-it", "gemma")) == []
    assert found(RULE, of("meta-llama/Llama-3.1-8B", "other")) == []
    assert found(RULE, seed()) == []


def test_fails_for_an_open_licence() -> None:
    assert found(RULE, of("google/gemma-3-4b-it", "mit")) == [
        finding(
            RULE,
            WARNING,
            "the card's licence is mit, and the terms of the base model (gemma) are narrower",
            CARD,
            "license",
            expected="gemma",
            observed="mit",
        )
    ]


def test_fails_as_a_note_where_a_tool_wrote_the_licence() -> None:
    (only,) = found(RULE, of("unsloth/llama-3-8b-bnb-4bit", "apache-2.0", "- unsloth\n"))
    assert (only.severity, only.expected) == (NOTE, "llama3")


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("google/gemma-2b", "gemma"),
        ("google/gemma-1.1-7b-it", "gemma"),
        ("google/gemma-2-9b-it", "gemma"),
        ("google/gemma-3-270m", "gemma"),
        ("google/gemma-3n-E4B-it", "gemma"),
        ("google/paligemma2-3b-pt-224", "gemma"),
        ("/models/gemma-3-4b-it", "gemma"),
        ("google/gemma-4-31B-it", None),  # Apache 2.0
        ("someone/gemma-3-4b-it", None),
        ("meta-llama/Llama-2-7b-hf", "llama2"),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "llama3"),
        ("meta-llama/Meta-Llama-3.1-8B", "llama3.1"),
        ("meta-llama/Llama-3.2-1B", "llama3.2"),
        ("codellama/CodeLlama-7b-hf", "llama2"),
        ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", None),
        ("openlm-research/open_llama_3b", None),
        ("Qwen/Qwen2.5-3B-Instruct", "Qwen's own"),
        ("Qwen/Qwen2.5-7B-Instruct", None),
        ("mistralai/Mistral-7B-v0.1", None),
        ("mistralai/Mistral-Large-Instruct-2407", "Mistral's research licence"),
    ],
)
def test_terms_by_name(name: str, terms: str | None) -> None:
    assert terms_of(name) == terms


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == UNKNOWN
    assert reasons(RULE, without_cards()) == UNKNOWN
