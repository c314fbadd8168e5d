from tests.builders.pickles import make_optimizer, make_scheduler
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons

RULE = "optimizer-steps-differ"
FILE = "checkpoint-18/optimizer.pt"
SCHEDULER = "checkpoint-18/scheduler.pt"


def optimizer(step: float) -> dict[str, bytes]:
    return {FILE: make_optimizer([(8, 4), (4, 8)], step=step)}


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_steps_that_were_skipped_everywhere() -> None:
    assert found(RULE, healthy(data={**optimizer(15), SCHEDULER: make_scheduler(last_epoch=15)})) == []
    assert found(RULE, healthy(data=optimizer(15), without=[SCHEDULER])) == []


def test_fails_for_updates_of_a_failed_attempt() -> None:
    # Measured with transformers 4.51.3: 24 updates in 20 steps after an attempt that ran out of memory.
    assert found(RULE, healthy(data=optimizer(22))) == [
        finding(
            RULE,
            WARNING,
            "parameters were updated 22 times in 18 steps",
            FILE,
            "state/step",
            expected="18",
            observed="22",
            evidence=("updates of a failed attempt stay in model and optimizer",),
        )
    ]


def test_fails_as_an_error_for_an_earlier_optimizer() -> None:
    assert found(RULE, healthy(data=optimizer(9))) == [
        finding(
            RULE,
            ERROR,
            "every parameter was updated 9 times, and scheduler and state count 18 steps",
            FILE,
            "state/step",
            expected="18",
            observed="9",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/optimizer.pt was not read: unfetched"]
    empty = {f"{folder}optimizer.pt": make_optimizer([]) for folder in ("checkpoint-9/", "checkpoint-18/")}
    assert reasons(RULE, healthy(data=empty)) == ["the state or the optimizer records no step"] * 2
