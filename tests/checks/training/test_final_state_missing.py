from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.training.parts import ROOT_STATE

RULE = "final-state-missing"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed(text={"all_results.json": "{}"})) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "neither trainer_state.json nor all_results.json is beside the final adapter",
            ROOT_STATE,
            expected="trainer_state.json or all_results.json",
            observed="checkpoint-450/trainer_state.json only",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    alone = healthy(without=["checkpoint-9/", "checkpoint-18/"])
    assert reasons(RULE, alone) == [
        "the run does not hold both a final adapter and a checkpoint with a state"
    ]
