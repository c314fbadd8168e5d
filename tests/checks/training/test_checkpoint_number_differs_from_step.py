from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons
from tests.checks.training.parts import NO_STATE, ROOT_STATE, STATE, state, stateless

RULE = "checkpoint-number-differs-from-step"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []
    assert found(RULE, state(ROOT_STATE, global_step=7)) == []


def test_fails() -> None:
    assert found(RULE, state(global_step=17)) == [
        finding(
            RULE,
            ERROR,
            "checkpoint-18 holds the state of step 17",
            STATE,
            "/global_step",
            expected="18",
            observed="17",
        )
    ]


def test_fails_for_a_state_without_a_step() -> None:
    (only,) = found(RULE, state(global_step=None))
    assert only.message == "checkpoint-18 holds the state of no step"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == [NO_STATE]
