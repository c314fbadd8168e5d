from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, TRAIN, declared, without_recipe
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "string-where-null-or-boolean"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            '4 values are strings where null or a boolean is meant: chat_template "None", distributed_backend "None", '
            'model_ref "" and unsloth "false"',
            CONFIG,
            expected="null, true or false without quotation marks",
            observed=f'{TRAIN}/chat_template = "None"; {TRAIN}/distributed_backend = "None"; {TRAIN}/model_ref = ""; '
            f'{TRAIN}/unsloth = "false"',
        )
    ]


def test_fails_for_one_value() -> None:
    (only,) = found(RULE, declared(unsloth="true"))
    assert only.message == '1 value is a string where null or a boolean is meant: unsloth "true"'


def test_passes_free_text() -> None:
    assert found(RULE, declared(dataset_text_field="None", column_mappings={"text_column": "None"})) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
