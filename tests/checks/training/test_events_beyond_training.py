from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.training.parts import event_path, events, scalars, with_events

RULE = "events-beyond-training"
SKIP = "the run has not exactly one event file with scalars and a trainer_state.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_an_evaluation_after_the_end() -> None:
    assert found(RULE, with_events(events({**scalars(), "eval/loss": [(30, 6.0)]}))) == []


def test_fails() -> None:
    longer = scalars()
    longer["train/loss"].append((19, 5.9))
    assert found(RULE, with_events(events(longer))) == [
        finding(
            RULE,
            ERROR,
            "the event file logs step 19, and the run has 18 steps",
            event_path(),
            "step 19",
            expected="at most 18",
            observed="19",
        )
    ]


def test_fails_mildly_where_the_file_ends_early() -> None:
    shorter = {tag: [point for point in points if point[0] <= 10] for tag, points in scalars().items()}
    (only,) = found(RULE, with_events(events(shorter)))
    assert only.severity is WARNING
    assert only.message == "the event file ends at step 10, and log_history has a loss at step 18"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == [SKIP]
    other = "runs/other/events.out.tfevents.1768460000.tiny-trainer.1.0"
    assert reasons(RULE, healthy(data={other: events()})) == [SKIP]
