import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.checks._references import sizes
from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "output-name-size-differs"
DECLARED = "cheetah-fine-tuning-config.json"
OUTPUT = "/save_model/model_repository"


def test_passes_names_without_a_size() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize("name", ["gemma-3-4b-bank", "gemma-3-4000m-bank", "bank-assistant", "gemma-3-4bit"])
def test_passes_a_name_that_does_not_disagree(name: str) -> None:
    assert found(RULE, seed(json_edits={DECLARED: {OUTPUT: name}})) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "the result is written to gemma-3-1b-it-finetuning, and the base model is gemma-3-4b-it",
            DECLARED,
            OUTPUT,
            expected="a name with the size of gemma-3-4b-it",
            observed="gemma-3-1b-it-finetuning",
        )
    ]


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("gemma-3-4b-it", {"4000"}),
        ("qwen2.5-0.5b-instruct", {"500"}),
        ("gemma-3-270m", {"270"}),
        ("mixtral-8x7b-v0.1", {"8x7000", "7000"}),
        ("qwen3-30b-a3b", {"30000"}),
        ("model-bnb-4bit", set()),
        ("llama-3.2", set()),
    ],
)
def test_sizes_in_names(name: str, millions: set[str]) -> None:
    assert sizes(name) == millions


@given(st.integers(1, 999))
def test_billions_and_millions_agree(count: int) -> None:
    assert sizes(f"x-{count}b") == sizes(f"x-{count}000m") == {f"{count * 1000:g}"}


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(without=[DECLARED])) == ["no declared training config was found"]
    assert reasons(RULE, seed(json_edits={DECLARED: {OUTPUT: DELETE}})) == [
        "the declared config does not name both the output repository and the base model"
    ]
