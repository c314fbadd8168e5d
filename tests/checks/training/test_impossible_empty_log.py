from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons
from tests.checks.training.parts import NO_STATE, STATE, arguments, edits, state, stateless

RULE = "impossible-empty-log"
OWN_ARGUMENTS = "checkpoint-18/training_args.bin"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_when_no_log_was_due() -> None:
    assert found(RULE, state(log_history=[], logging_steps=19)) == []
    assert found(RULE, state(log_history=[], logging_steps=-18)) == []


def test_passes_when_logs_were_by_epoch() -> None:
    data = {OWN_ARGUMENTS: arguments(logging_strategy="epoch")}
    assert found(RULE, healthy(json_edits=edits(STATE, log_history=[]), data=data)) == []


def test_fails() -> None:
    # 18 steps, a log at every step: eighteen rows are missing.
    assert found(RULE, state(log_history=[])) == [
        finding(
            RULE,
            ERROR,
            "log_history is empty after 18 steps, and checkpoint-18/training_args.bin logs every 1 step",
            STATE,
            "/log_history",
            expected="a row at step 1",
            observed="[]",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, stateless()) == [NO_STATE]
    assert reasons(RULE, seed()) == ["checkpoint-450/training_args.bin was not read: unfetched (and 1 more)"]
