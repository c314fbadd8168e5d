import pytest

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import seed
from tests.checks.card.cards import replaced
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "adapter-tag-names-other-base"


def card(base: str, tag: str) -> Snapshot:
    text = f"---\nbase_model: {base}\ntags:\n- lora\n- base_model:adapter:{tag}\n---\n# Card\n"
    return memory_snapshot("x", {"README.md": text.encode()})


@pytest.mark.parametrize(
    ("base", "tag"),
    [
        ("acme/one-8b", "acme/one-8b"),
        ("acme/one-8b", "/root/models/one-8b"),
        ("acme/one-8b", "unsloth/one-8b-unsloth-bnb-4bit"),
        ("[acme/other-8b, acme/one-8b]", "acme/one-8b"),
        ("acme/one-8b", "model"),
    ],
)
def test_passes(base: str, tag: str) -> None:
    assert found(RULE, card(base, tag)) == []


def test_passes_a_base_model_that_the_adapter_itself_contradicts() -> None:
    """One cause, one finding: card-names-other-base tells it."""
    edited = replaced("base_model: tiny-labs/tiny-gemma3", "base_model: google/gemma-3-4b-pt")
    assert found(RULE, edited) == []


def test_fails() -> None:
    assert found(RULE, card("acme/one-8b", "acme/other-8b")) == [
        finding(
            RULE,
            WARNING,
            "the tag says acme/other-8b, and base_model says acme/one-8b",
            "README.md",
            "tags",
            expected="acme/one-8b",
            observed="acme/other-8b",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert "README.md has no such tag or no base_model" in reasons(RULE, seed())
