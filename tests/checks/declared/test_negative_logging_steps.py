from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, TRAIN, declared, without_recipe
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "negative-logging-steps"
PLACE = f"{TRAIN}/logging_steps"
SAYS = "logging_steps is -1, which the trainer takes for a share of all steps"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case_with_the_arithmetic() -> None:
    # ceil(450 x -1) = -450, as the checkpoint records.
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            SAYS,
            CONFIG,
            PLACE,
            expected="a positive number of steps",
            observed="-1",
            evidence=("checkpoint-450/trainer_state.json: logging_steps -450 = ceil(450 x -1)",),
        )
    ]


def test_fails_as_a_note_where_losses_were_logged() -> None:
    # The honest state keeps logging_steps 1, so nothing is explained and nothing is lost.
    assert found(RULE, declared(logging_steps=-1)) == [
        finding(RULE, NOTE, SAYS, CONFIG, PLACE, expected="a positive number of steps", observed="-1")
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
