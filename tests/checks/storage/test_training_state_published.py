from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "training-state-published"
STATES = ["checkpoint-450/optimizer.pt", "checkpoint-450/rng_state.pth"]


def test_passes_without_state_and_with_the_scheduler_alone() -> None:
    assert found(RULE, seed(without=STATES)) == []


def test_fails_on_the_real_case() -> None:
    # The fixture's stand-in sizes: 272,677,376 and 14,244 bytes.
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "2 files of optimizer and random states published, 272,691,620 bytes in all",
            STATES[0],
            expected="the adapter and what is needed to load it",
            observed=", ".join(STATES),
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter, checkpoint or trainer state was found"]
