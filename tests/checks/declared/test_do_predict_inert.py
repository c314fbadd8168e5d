from tests.builders.repositories import healthy, seed
from tests.checks.declared.config import CONFIG, NO_RECIPE, TRAIN, without_recipe
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "do-predict-inert"


def test_passes_false() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    says = "do_predict is true, and the Trainer does not use it"
    assert found(RULE, seed()) == [finding(RULE, NOTE, says, CONFIG, f"{TRAIN}/do_predict", observed="true")]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_recipe()) == [NO_RECIPE]
