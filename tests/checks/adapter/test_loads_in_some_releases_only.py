import json

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.checks.adapter._load_window import libraries
from tests.builders.blobs import blob
from tests.builders.repositories import healthy, seed
from tests.checks.adapter.tensors import Tensors, changed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "loads-in-some-releases-only"
CONFIG = "adapter_config.json"
OLDER = "older ones leave out keys they do not know, with a warning; 0.6 to 0.13 stop"
# The honest run's configuration has the 41 keys of PEFT 0.21, the real case's the 24 of 0.10 to 0.13.
OLD_UNDER_NEW_PEFT = (
    "load the adapter with {} and PEFT 0.21 or newer, or with transformers 4.52 to 5.2 and PEFT 0.21 or newer "
    "(0.21 under transformers 5); under transformers 4.52 or newer older PEFT serves the base model alone or stops, "
    "and newer transformers than 5.2 may load part or nothing of it"
)
MEASURED = "measured under transformers 5.10 to 5.23: PEFT 0.18 loads nothing, 0.19 all, 0.20 and 0.21 all but lm_head"


def mapping(name: str) -> dict[str, dict[str, object]]:
    return {CONFIG: {"/auto_mapping": {"base_model_class": name, "parent_library": "transformers.models.x"}}}


def renamed(new: str, old: str) -> dict[str, bytes]:
    """The honest adapter with other names of modules."""

    def rename(tensors: Tensors) -> None:
        for key in list(tensors):
            tensors[key.replace(new, old)] = tensors.pop(key)

    return changed(rename)


def test_passes_an_adapter_with_the_new_names() -> None:
    assert found(RULE, healthy(json_edits=mapping("Gemma3ForConditionalGeneration"))) == []


def test_passes_a_class_whose_modules_kept_their_names() -> None:
    assert found(RULE, healthy(json_edits=mapping("LlamaForCausalLM"))) == []


def test_passes_what_only_training_needs() -> None:
    edits = mapping("LlamaForCausalLM")
    edits[CONFIG] |= {"/velora_config": {"x": 1}, "/eva_config": {"rho": 2.0}, "/use_qalora": False}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "load the adapter with transformers 4.50 to 4.51 and PEFT 0.10 or newer, or with transformers 4.52 to 5.2 "
            "and PEFT 0.16 or newer (0.18 under transformers 5); under transformers 4.52 or newer older PEFT serves "
            "the base model alone, before 0.14 without a word, and newer transformers than 5.2 may load part or "
            "nothing of it",
            CONFIG,
            evidence=(
                "the other files were written by transformers 4.50.0 to 4.51.3; the tensors themselves were not read",
                MEASURED,
            ),
        )
    ]


def test_fails_by_the_names_of_the_tensors() -> None:
    data = renamed("model.language_model", "language_model.model")
    (only,) = found(RULE, healthy(json_edits=mapping("Gemma3ForConditionalGeneration"), data=data))
    assert only.message == OLD_UNDER_NEW_PEFT.format("transformers 4.50 to 4.51")
    assert only.evidence[0] == (
        "the tensors of adapter_model.safetensors have the names of transformers 4.51.3 or older"
    )


def test_fails_for_a_class_that_was_not_measured_and_says_so() -> None:
    data = renamed("model.language_model", "language_model.model")
    (only,) = found(RULE, healthy(json_edits=mapping("PaliGemmaForConditionalGeneration"), data=data))
    # models/paligemma is in the wheel of transformers 4.41.0 and not of 4.40.2.
    assert only.message == OLD_UNDER_NEW_PEFT.format("transformers 4.41 to 4.51")
    assert only.evidence[1] == (
        "not tested with PaliGemmaForConditionalGeneration; measured with Gemma 3, LLaVA and Qwen2-VL"
    )


def test_fails_for_a_method_that_older_releases_leave_out() -> None:
    # `target_parameters` came with PEFT 0.17.0.
    edits = mapping("LlamaForCausalLM")
    edits[CONFIG]["/target_parameters"] = ["mlp.experts.gate_up_proj"]
    assert found(RULE, healthy(json_edits=edits)) == [
        finding(
            RULE,
            NOTE,
            "load the adapter with PEFT 0.17 or newer: from 0.14 on, older releases leave `target_parameters` out with "
            "a warning and build another adapter",
            CONFIG,
            "/target_parameters",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == [
        "neither the adapter nor a base configuration at hand names the model class"
    ]


def of(**raw: object) -> tuple[str, ...]:
    return libraries(AdapterConfig.parse(blob(json.dumps(raw).encode(), CONFIG)))


def test_what_the_configuration_asks_of_the_libraries() -> None:
    # `use_dora` came with PEFT 0.9.0, `exclude_modules` with 0.14.0, `target_parameters` with 0.17.0.
    assert of(peft_type="LORA", r=8) == ("PEFT 0.1 or newer",)
    assert of(peft_type="LORA", use_dora=True) == (
        "PEFT 0.9 or newer (0.6 and newer stop at keys they do not know)",
    )
    assert of(
        peft_type="LORA", target_parameters=None, auto_mapping={"base_model_class": "Qwen3ForCausalLM"}
    ) == (
        f"PEFT 0.17 or newer (from 0.14 on {OLDER})",
        "transformers 4.51 or newer",
    )
    assert of(peft_type="LORA", from_the_future=1) == ("a PEFT newer than all read here",)
    assert of(fine_tune_type="lora") == ()
