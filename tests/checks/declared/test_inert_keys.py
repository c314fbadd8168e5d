from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, at, declared, without_recipe
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "inert-keys"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            '6 declared keys have no effect under trainer "sft": prompt_text_column, rejected_text_column, '
            "max_prompt_length, max_completion_length, model_ref and dpo_beta",
            CONFIG,
            observed='prompt_text_column = ""; rejected_text_column = "text"; max_prompt_length = null; '
            'max_completion_length = null; model_ref = ""; dpo_beta = 0.1',
        )
    ]


def test_passes_keys_that_hold_nothing() -> None:
    assert found(RULE, declared(model_ref=None, max_prompt_length=None)) == []


def test_passes_under_the_trainer_they_belong_to() -> None:
    edits: dict[str, object] = {"/trainer": "dpo", "/train_model_parameters/dpo_beta": 0.1}
    assert found(RULE, at(edits)) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
