from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "peft-older-than-model-class"
CONFIG = "adapter_config.json"
GEMMA = {
    "base_model_class": "Gemma3ForConditionalGeneration",
    "parent_library": "transformers.models.gemma3.modeling_gemma3",
}


def test_passes_a_newer_release() -> None:
    edits = {
        f"{folder}{CONFIG}": {"/auto_mapping": GEMMA} for folder in ("", "checkpoint-9/", "checkpoint-18/")
    }
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "PEFT 0.13.2 is more than three months older than Gemma3ForConditionalGeneration",
            CONFIG,
            expected="PEFT 0.15.0 or newer",
            observed="PEFT 0.13.2",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["the model class or the newest possible PEFT release is not known"]
