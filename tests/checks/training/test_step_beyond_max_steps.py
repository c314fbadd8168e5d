from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import NO_STATE, STATE, state, stateless

RULE = "step-beyond-max-steps"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []
    assert found(RULE, state(max_steps=-1)) == []


def test_fails() -> None:
    assert found(RULE, state(max_steps=17)) == [
        finding(
            RULE,
            WARNING,
            "global_step is 18 of 17",
            STATE,
            "/global_step",
            expected="at most 17",
            observed="18",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == [NO_STATE]
