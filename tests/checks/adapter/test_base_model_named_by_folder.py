import pytest

from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import without_cards
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "base-model-named-by-folder"
CONFIG, PLACE = "adapter_config.json", "/base_model_name_or_path"


def with_base(name: str, card: str = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B") -> Snapshot:
    return healthy(
        json_edits={CONFIG: {PLACE: name}}, text={"README.md": f"---\nbase_model: {card}\n---\n# Card\n"}
    )


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


@pytest.mark.parametrize(
    ("name", "card"),
    [
        ("gpt2", "openai-community/gpt2"),
        ("bert-base-uncased", "google-bert/bert-base-uncased"),
        ("chatglm-6b", "THUDM/chatglm-6b"),
        ("roberta-base", "FacebookAI/roberta-large"),
        ("./model", "acme/other"),
        ("model", "model"),
    ],
)
def test_passes_names_of_the_hub_s_first_days_and_what_other_rules_judge(name: str, card: str) -> None:
    assert found(RULE, with_base(name, card)) == [] if "/" in card else reasons(RULE, with_base(name, card))


def test_fails_for_a_working_folder() -> None:
    assert found(RULE, with_base("model")) == [
        finding(
            RULE,
            WARNING,
            "the base model is named by the folder model, and by nothing that others can resolve",
            CONFIG,
            PLACE,
            expected="deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
            observed="model",
            evidence=("README.md names deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",),
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert "no card beside it names the base by a hub id" in reasons(
        RULE, healthy(json_edits={CONFIG: {PLACE: "model"}}, without=["README.md"])
    )
    assert without_cards()
