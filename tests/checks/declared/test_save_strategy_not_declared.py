from tests.builders.platforms import AUTOTRAIN, with_config
from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, declared, recipe_only, without_recipe
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "save-strategy-not-declared"
SAYS = "save_strategy is not declared; the trainer's default is to save every 500 steps and at the last one"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_where_the_arguments_tell() -> None:
    assert found(RULE, declared(save_strategy=DELETE)) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            SAYS,
            CONFIG,
            expected="a declared save_strategy",
            evidence=("checkpoint-450/trainer_state.json: save_steps 500",),
        )
    ]


def test_fails_without_a_state_too() -> None:
    assert found(RULE, recipe_only(save_strategy=DELETE, save_steps=DELETE)) == [
        finding(RULE, NOTE, SAYS, CONFIG, expected="a declared save_strategy")
    ]


def test_passes_where_steps_are_declared_and_only_the_default_is_left() -> None:
    assert found(RULE, recipe_only(save_strategy=DELETE)) == []


def test_passes_for_a_platform_that_decides_by_itself() -> None:
    assert found(RULE, with_config("training_params.json", AUTOTRAIN)) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
