from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.training.parts import NO_STATE, STATE, stateless

RULE = "stopped-before-max-steps"
LIMIT: dict[str, object] = {"/max_steps": 54}


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails() -> None:
    # checkpoint-18 carries should_training_stop; with max_steps 54 that is too early.
    assert found(RULE, healthy(json_edits={STATE: LIMIT})) == [
        finding(
            RULE,
            NOTE,
            "training was told to stop at step 18 of 54",
            STATE,
            "/stateful_callbacks/TrainerControl",
            expected="54",
            observed="18",
        )
    ]


def test_fails_and_names_early_stopping() -> None:
    edits: dict[str, object] = {**LIMIT, "/stateful_callbacks/EarlyStoppingCallback": {}}
    (only,) = found(RULE, healthy(json_edits={STATE: edits}))
    assert only.message == "training was told to stop by early stopping at step 18 of 54"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == [NO_STATE]
