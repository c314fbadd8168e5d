import pytest

from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "processor-files-missing"
CONFIG = "adapter_config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize(
    "name", ["WhisperForConditionalGeneration", "T5ForConditionalGeneration", "Gemma3ForCausalLM"]
)
def test_passes_models_that_read_no_images(name: str) -> None:
    edits: dict[str, object] = {"/auto_mapping": {"base_model_class": name, "parent_library": "transformers"}}
    assert found(RULE, healthy(json_edits={CONFIG: edits})) == []


def test_passes_with_a_processor() -> None:
    assert found(RULE, seed(text={"preprocessor_config.json": "{}"})) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "the adapter is for Gemma3ForConditionalGeneration, and none of the processor's files is beside the "
            "tokenizer",
            CONFIG,
            "/auto_mapping/base_model_class",
            expected="preprocessor_config.json or processor_config.json",
            observed="tokenizer files only",
        )
    ]


def test_fails_by_the_processor_class_alone() -> None:
    (only,) = found(
        RULE, healthy(json_edits={"tokenizer_config.json": {"/processor_class": "Gemma3Processor"}})
    )
    assert only.at.member == "/processor_class"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter, checkpoint or trainer state was found"]
