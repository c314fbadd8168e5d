from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.training.parts import NO_RUN, event_path, events, nothing, scalars

RULE = "several-event-files"
FIRST = "runs/first/events.out.tfevents.1768460000.tiny-trainer.1.0"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_an_aborted_start() -> None:
    assert found(RULE, healthy(data={FIRST: events({})})) == []


def test_fails() -> None:
    early = {tag: points[:9] for tag, points in scalars().items()}
    assert event_path() < FIRST
    assert found(RULE, healthy(data={FIRST: events({"train/loss": early["train/loss"]})})) == [
        finding(
            RULE,
            NOTE,
            "the run logged into 2 event files",
            event_path(),
            observed=f"{event_path()}: steps 1 to 18; {FIRST}: steps 1 to 9",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["no event file of the run was read"]
    assert reasons(RULE, nothing()) == [NO_RUN]
