from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, at, without_recipe
from tests.checks.expecting import ERROR, finding, found, reasons

RULE = "adapter-not-as-declared"
ADAPTERS = [f"{folder}adapter_config.json" for folder in ("", "checkpoint-9/", "checkpoint-18/")]


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []
    assert found(RULE, at({"/peft/tuner": "qlora"})) == []


def test_fails_for_another_tuner() -> None:
    assert found(RULE, at({"/peft/tuner": "ia3"})) == [
        finding(
            RULE,
            ERROR,
            'tuner "ia3" is declared, and adapter_config.json says LORA',
            CONFIG,
            "/peft/tuner",
            expected="IA3",
            observed="LORA",
        )
    ]


def test_passes_a_method_in_lower_case_which_is_unusable_and_not_another() -> None:
    lower = healthy(json_edits={path: {"/peft_type": "lora"} for path in ADAPTERS})
    assert found(RULE, lower) == []
    assert found("adapter-config-unusable", lower)


def test_fails_for_an_adapter_that_was_not_wanted() -> None:
    (only,) = found(RULE, at({"/peft/peft": False}))
    assert only.message == "peft is declared false, and adapter_config.json configures a LORA adapter"


def test_fails_where_the_adapter_is_missing() -> None:
    assert found(RULE, healthy(without=ADAPTERS)) == [
        finding(
            RULE,
            ERROR,
            "peft is declared true, and the run holds no adapter_config.json",
            CONFIG,
            "/peft/peft",
            expected="adapter_config.json and the adapter's weights",
            observed="neither in the run's folder nor in a checkpoint",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
    assert reasons(RULE, healthy(text=dict.fromkeys(ADAPTERS, "{"))) == ["adapter_config.json was not read"]
    assert reasons(RULE, at({"/peft/tuner": "vera"})) == ["no tuner is declared that this rule knows"]
    merged = at({"/peft/merge_adapter": True}, without=ADAPTERS)
    assert reasons(RULE, merged) == ["the adapter was to be merged, which removes its files"]
