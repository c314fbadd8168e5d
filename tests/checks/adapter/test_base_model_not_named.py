import pytest

from tests.builders.repositories import DELETE, healthy
from tests.checks.adapter.made import lora, made
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "base-model-not-named"
CONFIG = "adapter_config.json"
POINTER = "/base_model_name_or_path"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_class_of_the_authors_own() -> None:
    own = {"base_model_class": "Net", "parent_library": "__main__"}
    settings: dict[str, object] = {"base_model_name_or_path": None, "task_type": None}
    assert found(RULE, made("LORA", {**settings, "auto_mapping": own}, lora("q"))) == []
    assert found(RULE, made("LORA", settings, lora("q"))) == []


def test_passes_a_model_wrapped_twice_which_another_rule_names() -> None:
    shapes = lora("base_model.model.model.q_proj")
    assert found(RULE, made("LORA", {"base_model_name_or_path": None}, shapes)) == []


@pytest.mark.parametrize(("value", "shown"), [(None, "null"), ("", '""'), (DELETE, "null")])
def test_fails(value: object, shown: str) -> None:
    edits = {CONFIG: {POINTER: value}}
    assert found(
        RULE, healthy(json_edits=edits, without=("README.md", "checkpoint-9/", "checkpoint-18/"))
    ) == [
        finding(
            RULE,
            WARNING,
            f"`base_model_name_or_path` is {shown}, so the adapter names no base model",
            CONFIG,
            POINTER,
            expected="a hub id or a repository",
            observed=shown,
        )
    ]


def test_fails_and_tells_what_the_card_names() -> None:
    (only,) = found(RULE, healthy(json_edits={CONFIG: {POINTER: None}}))
    assert only.expected == "tiny-labs/tiny-gemma3"
    assert only.evidence == (
        "README.md names tiny-labs/tiny-gemma3",
        "checkpoint-18/adapter_config.json says base_model_name_or_path tiny-labs/tiny-gemma3",
    )


def test_cannot_look_without_a_configuration() -> None:
    gone = (CONFIG, "checkpoint-9/", "checkpoint-18/")
    assert reasons(RULE, healthy(without=gone)) == ["no adapter_config.json is in the repository"]


def test_passes_an_encoder_of_one_s_own() -> None:
    """Seen in a public repository: a vision encoder wrapped as FEATURE_EXTRACTION, no card."""
    edits = {
        CONFIG: {"/base_model_name_or_path": None, "/task_type": "FEATURE_EXTRACTION", "/auto_mapping": None}
    }
    assert found(RULE, healthy(json_edits=edits, without=["README.md"])) == []
