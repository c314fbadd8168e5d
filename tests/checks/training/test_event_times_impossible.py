from tests.builders.events import event, make_records, scalar, version
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import event_path, with_events

RULE = "event-times-impossible"


BEGIN = 1_768_467_607
"""The second in the name of the honest event file."""


def logged(*points: tuple[float, int, str, float], begin: float = 0.0) -> bytes:
    """Events of (seconds since the file was opened, step, tag, value) after a version record."""
    events = [event(BEGIN + wall, step, [scalar(tag, value)]) for wall, step, tag, value in points]
    return make_records([version(BEGIN + begin), *events])


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_what_a_clock_may_do() -> None:
    steady = logged((60.0, 1, "train/loss", 6.0), (1.0, 2, "train/loss", 6.0))
    assert found(RULE, with_events(steady)) == []
    # 100 s measured: up to 100 x 1.05 + 60 = 165 s are allowed.
    assert found(RULE, with_events(logged((165.0, 18, "train/train_runtime", 100.0)))) == []


def test_fails_for_times_that_go_back() -> None:
    data = logged((2000.0, 1, "train/loss", 6.0), (1500.0, 2, "train/loss", 6.0))
    assert found(RULE, with_events(data)) == [
        finding(
            RULE,
            WARNING,
            # The version record is number 0.
            "record 2 was written 500 s before the one before it",
            event_path(),
            "record 2",
            expected="times that go up",
            observed="-500 s",
        )
    ]


def test_fails_for_a_span_beyond_the_runtime() -> None:
    (only,) = found(RULE, with_events(logged((400.0, 18, "train/train_runtime", 100.0))))
    assert only.message == "the events span 400 s, and train_runtime is 100 s"
    assert only.expected == "at most 165 s"


def test_fails_for_a_beginning_that_is_not_the_name_s() -> None:
    (only,) = found(RULE, with_events(logged((301.0, 1, "train/loss", 6.0), begin=300.0)))
    assert only.message == "the first event was written 300 s after the time in the file's name"
    assert (only.expected, only.observed) == ("1768467607", "1768467907")


def test_passes_a_file_whose_events_begin_within_a_minute() -> None:
    assert found(RULE, with_events(logged((61.0, 1, "train/loss", 6.0), begin=60.0))) == []


def test_says_when_it_cannot_look() -> None:
    (only,) = reasons(RULE, seed())
    assert only.endswith("was not read: unfetched")
