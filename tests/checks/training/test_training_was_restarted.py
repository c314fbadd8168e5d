from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import event_args, event_path, events, with_events

RULE = "training-was-restarted"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails() -> None:
    # Measured: 4 -> 2 -> 1 gives three texts.
    args = {**event_args(), "auto_find_batch_size": True}
    assert found(RULE, with_events(events(args=args, attempts=3))) == [
        finding(
            RULE,
            WARNING,
            "training began 3 times in one event file",
            event_path(),
            "args/text_summary",
            expected="1",
            observed="3",
            evidence=("auto_find_batch_size is on",),
        )
    ]


def test_fails_and_says_when_the_search_was_off() -> None:
    (only,) = found(RULE, with_events(events(attempts=2)))
    assert only.evidence == ("auto_find_batch_size is off: train() was called again",)


def test_says_when_it_cannot_look() -> None:
    (only,) = reasons(RULE, seed())
    assert only.endswith("was not read: unfetched")
