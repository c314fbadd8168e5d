from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, TRAIN, declared, recipe_only, without_recipe
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "gradient-checkpointing-unchecked"
WEIGHTS = [f"{folder}adapter_model.safetensors" for folder in ("", "checkpoint-9/", "checkpoint-18/")]


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_where_weights_can_be_read() -> None:
    assert found(RULE, declared(gradient_checkpointing=True, disable_gc=False)) == []


def test_passes_for_a_release_that_enables_the_inputs() -> None:
    # The honest event file names Transformers 5.23.0.
    edits: dict[str, dict[str, object]] = {CONFIG: {f"{TRAIN}/gradient_checkpointing": True}}
    assert found(RULE, healthy(json_edits=edits, without=WEIGHTS)) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "gradient checkpointing is declared, and no adapter weights could be read to see "
            "whether every module was trained",
            CONFIG,
            f"{TRAIN}/gradient_checkpointing",
            expected="adapter weights whose lora_B are not all zero",
            observed="weights not read",
        )
    ]


def test_fails_where_no_release_is_known() -> None:
    assert len(found(RULE, recipe_only(gradient_checkpointing=True))) == 1


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
