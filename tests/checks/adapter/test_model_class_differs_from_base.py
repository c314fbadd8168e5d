import json

import pytest

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
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


def published(cls: str, declared: str, model_type: str, **more: object) -> Snapshot:
    """An adapter of a class beside the config.json of its base."""
    library = f"transformers.models.{model_type}.modeling_{model_type}"
    auto = {"base_model_class": cls, "parent_library": more.pop("library", library)}
    config = {"peft_type": "LORA", "auto_mapping": auto, "target_modules": ["x"]}
    base = {"architectures": [declared], "model_type": model_type, **more}
    files = {"adapter_config.json": config, "config.json": base}
    return memory_snapshot("test", {path: json.dumps(value).encode() for path, value in files.items()})


@pytest.mark.parametrize(
    ("cls", "declared", "model_type"),
    [
        ("T5EncoderModel", "T5ForConditionalGeneration", "t5"),
        ("T5ForConditionalGeneration", "T5WithLMHeadModel", "t5"),
        ("LlamaForCausalLM", "LLaMAForCausalLM", "other"),
        ("FalconForCausalLM", "RWForCausalLM", "RefinedWebModel"),
        ("MarianMTModel", "MarianForCausalLM", "marian"),
        ("GPT2ForSequenceClassification", "GPT2LMHeadModel", "gpt2"),
        ("XLMRobertaForSequenceClassification", "RobertaForMaskedLM", "xlm-roberta"),
    ],
)
def test_passes_other_names_of_one_family(cls: str, declared: str, model_type: str) -> None:
    library = f"transformers.models.{model_type.replace('-', '_')}.x"
    assert found(RULE, published(cls, declared, model_type, library=library)) == []


def test_passes_the_language_model_inside_a_composite_base() -> None:
    text = {"model_type": "llama"}
    library = "transformers.models.llama.modeling_llama"
    declared = "LlavaForConditionalGeneration"
    composite = published("LlamaForCausalLM", declared, "llava", text_config=text, library=library)
    assert found(RULE, composite) == []
    other = published(
        "MistralForCausalLM", declared, "llava", text_config=text, library="transformers.models.mistral.x"
    )
    assert len(found(RULE, other)) == 1


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
