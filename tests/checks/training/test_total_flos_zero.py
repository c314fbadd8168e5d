from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.training.parts import NO_STATE, STATE, state, stateless

RULE = "total-flos-zero"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails() -> None:
    assert found(RULE, state(total_flos=0)) == [
        finding(
            RULE,
            NOTE,
            "total_flos is 0 after 18 steps",
            STATE,
            "/total_flos",
            expected="6 x tokens x parameters",
            observed="0",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == [NO_STATE]
