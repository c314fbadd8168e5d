from tests.builders.repositories import healthy, seed
from tests.checks.adapter.tensors import Tensors, changed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "loads-in-some-releases-only"
CONFIG = "adapter_config.json"
GEMMA = {
    "base_model_class": "Gemma3ForConditionalGeneration",
    "parent_library": "transformers.models.gemma3.modeling_gemma3",
}


def test_passes_an_adapter_with_the_new_names() -> None:
    edits = {CONFIG: {"/auto_mapping": GEMMA}}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "the adapter loads as trained with transformers 4.51 or older; with 4.52 or newer it needs PEFT 0.16 or "
            "newer (without lm_head from transformers 5 on), and older PEFT serves the base model alone",
            CONFIG,
            evidence=(
                "the other files were written by transformers 4.50.0 to 4.51.3; the tensors themselves were not read",
            ),
        )
    ]


def test_fails_by_the_names_of_the_tensors() -> None:
    def old(tensors: Tensors) -> None:
        for key in list(tensors):
            tensors[key.replace("model.language_model", "language_model.model")] = tensors.pop(key)

    edits = {CONFIG: {"/auto_mapping": GEMMA}}
    (only,) = found(RULE, healthy(json_edits=edits, data=changed(old)))
    assert only.message == (
        "the adapter loads as trained with transformers 4.51 or older; with 4.52 or newer it needs PEFT 0.16 or "
        "newer, and older PEFT serves the base model alone"
    )
    assert only.evidence == (
        "the tensors of adapter_model.safetensors have the names of transformers 4.51 or older",
    )


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == [
        "only the renaming inside Gemma3ForConditionalGeneration is known, and the adapter does not name that class"
    ]
