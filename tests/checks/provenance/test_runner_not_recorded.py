from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "runner-not-recorded"
DECLARED = "cheetah-fine-tuning-config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_when_autotrain_left_its_file() -> None:
    assert found(RULE, seed(text={"training_params.json": "{}"})) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "the declared config uses AutoTrain's vocabulary, and the adapter shows that another program ran the "
            "training",
            DECLARED,
            expected="the name and version of the runner",
            observed="`task_type` null and no training_params.json, which AutoTrain never leaves",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(without=[DECLARED])) == [
        "there is no declared config in AutoTrain's vocabulary beside an adapter"
    ]
