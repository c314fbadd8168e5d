import pytest

from tests.builders.repositories import TINY_BASE, healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "model-class-differs-from-base"
CONFIG = "adapter_config.json"


def mapped(cls: str, library: str = "transformers.models.x.modeling_x") -> dict[str, dict[str, object]]:
    return {CONFIG: {"/auto_mapping": {"base_model_class": cls, "parent_library": library}}}


@pytest.mark.parametrize("cls", ["Gemma3ForConditionalGeneration", "Gemma3ForCausalLM", "Gemma3TextModel"])
def test_passes_classes_of_one_family(cls: str) -> None:
    snapshot = healthy(json_edits=mapped(cls), without=["checkpoint-9/", "checkpoint-18/"])
    assert found(RULE, snapshot, base=TINY_BASE) == []


def test_fails() -> None:
    snapshot = healthy(json_edits=mapped("LlamaForCausalLM"), without=["checkpoint-9/", "checkpoint-18/"])
    assert found(RULE, snapshot, base=TINY_BASE) == [
        finding(
            RULE,
            ERROR,
            "the adapter was trained on a LlamaForCausalLM, and the base model declares "
            "Gemma3ForConditionalGeneration",
            CONFIG,
            "/auto_mapping/base_model_class",
            expected="Gemma3ForConditionalGeneration",
            observed="LlamaForCausalLM",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    one = seed(without=["checkpoint-450/"])
    assert reasons(RULE, one) == ["the base model's own configuration is not at hand (give --base DIR)"]
    alone = healthy(without=["checkpoint-9/", "checkpoint-18/"])
    assert reasons(RULE, alone, base=TINY_BASE) == [
        "adapter_config.json does not name the class of the base model"
    ]
    custom = healthy(
        json_edits=mapped("AcmeForCausalLM", "acme"), without=["checkpoint-9/", "checkpoint-18/"]
    )
    assert reasons(RULE, custom, base=TINY_BASE) == ["the model class comes from outside transformers"]
