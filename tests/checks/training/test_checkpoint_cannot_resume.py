from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "checkpoint-cannot-resume"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_pointers_that_were_not_fetched() -> None:
    assert found(RULE, seed()) == []


def test_passes_a_checkpoint_for_inference() -> None:
    bare = ["checkpoint-18/optimizer.pt", "checkpoint-18/scheduler.pt", "checkpoint-18/trainer_state.json"]
    assert found(RULE, healthy(without=bare)) == []


def test_fails() -> None:
    assert found(RULE, healthy(without=["checkpoint-18/scheduler.pt"])) == [
        finding(
            RULE,
            WARNING,
            "checkpoint-18 holds optimizer.pt and no scheduler.pt",
            "checkpoint-18/optimizer.pt",
            expected="scheduler.pt and trainer_state.json",
            observed="trainer_state.json",
        )
    ]


def test_fails_for_both() -> None:
    gone = ["checkpoint-9/scheduler.pt", "checkpoint-9/trainer_state.json"]
    (only,) = found(RULE, healthy(without=gone))
    assert only.message == "checkpoint-9 holds optimizer.pt and no scheduler.pt or trainer_state.json"
    assert only.observed == "neither"


def test_says_when_it_cannot_look() -> None:
    gone = ["checkpoint-9/optimizer.pt", "checkpoint-18/optimizer.pt"]
    assert reasons(RULE, healthy(without=gone)) == ["no checkpoint holds optimizer.pt"]
