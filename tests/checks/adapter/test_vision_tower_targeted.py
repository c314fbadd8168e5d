from tests.builders.repositories import DELETE, TINY_BASE, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "vision-tower-targeted"
CONFIG = "adapter_config.json"
DECLARED = "cheetah-fine-tuning-config.json"
PLACE = "/target_modules"
INSTEAD = "modules of the language model only"


def test_passes() -> None:
    assert found(RULE, healthy(), base=TINY_BASE) == []


def test_fails_on_the_real_case() -> None:
    # 27 SigLIP layers x 6 linears; r (in + out): 16 x (4 x 2 x 1152 + 2 x (1152 + 4304)) x 27 = 8,695,296.
    assert found(RULE, seed(without=["checkpoint-450/"])) == [
        finding(
            RULE,
            WARNING,
            "LoRA is applied to 162 modules of the vision tower, and the declared data is text only",
            CONFIG,
            PLACE,
            expected=INSTEAD,
            observed="162 vision modules with 8,695,296 LoRA parameters",
            evidence=(
                "cheetah-fine-tuning-config.json names the text column 'text' and no image column",
                "the vision modules are those of the base's configuration (known model gemma-3-4b)",
            ),
        )
    ]


def test_fails_for_a_pattern_that_reaches_the_tower() -> None:
    # One SigLIP layer, three of its attention projections: 8 x (32 + 32) x 3 = 1,536.
    edits = {CONFIG: {PLACE: r".*\.(q_proj|k_proj|v_proj)"}}
    snapshot = healthy(json_edits=edits, without=["checkpoint-9/", "checkpoint-18/"])
    (only,) = found(RULE, snapshot, base=TINY_BASE)
    assert only.observed == "3 vision modules with 1,536 LoRA parameters"


def test_fails_for_another_familys_tower() -> None:
    # Qwen2.5-VL 3B: qkv and proj of 32 blocks, 1280 -> 3840 and 1280 -> 1280; r = 8: 32 x 8 x (5120 + 2560).
    edits: dict[str, object] = {PLACE: ["qkv", "proj"], "/auto_mapping": None, "/r": 8}
    edits["/base_model_name_or_path"] = "Qwen/Qwen2.5-VL-3B-Instruct"
    (only,) = found(RULE, healthy(json_edits={CONFIG: edits}, without=["checkpoint-9/", "checkpoint-18/"]))
    assert only.observed == "64 vision modules with 1,966,080 LoRA parameters"


def test_fails_by_name_when_the_base_is_unknown() -> None:
    edits = {CONFIG: {"/base_model_name_or_path": "somebody/own-gemma"}}
    assert found(RULE, seed(json_edits=edits, without=["checkpoint-450/"])) == [
        finding(
            RULE,
            WARNING,
            "`target_modules` names fc1, fc2, out_proj, which only the vision tower of "
            "Gemma3ForConditionalGeneration has, and the declared data is text only",
            CONFIG,
            PLACE,
            expected=INSTEAD,
            observed="fc1, fc2, out_proj",
        )
    ]


def test_passes_when_the_declared_data_has_images() -> None:
    edits = {DECLARED: {"/train_model_parameters/column_mappings/image_column": "picture"}}
    assert found(RULE, seed(json_edits=edits)) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(without=[DECLARED])) == ["no declared training config was found"]
    unnamed = {
        "/train_model_parameters/column_mappings": DELETE,
        "/train_model_parameters/dataset_text_field": DELETE,
    }
    snapshot = seed(json_edits={DECLARED: unnamed}, without=["checkpoint-450/"])
    assert reasons(RULE, snapshot) == ["the declared config does not name the column of the text"]
    around = {CONFIG: {PLACE: "(?!x).*q_proj"}}
    (reason,) = reasons(RULE, seed(json_edits=around, without=["checkpoint-450/"]))
    assert reason.startswith("`target_modules` ")
