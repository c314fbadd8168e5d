from tests.builders.events import event, make_records, scalar, version
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.training.parts import event_path, with_events

RULE = "event-times-impossible"


def logged(*points: tuple[float, int, str, float]) -> bytes:
    """Events of (wall time, step, tag, value) after a version record of second 1000."""
    events = [event(wall, step, [scalar(tag, value)]) for wall, step, tag, value in points]
    return make_records([version(1000.0), *events])


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_what_a_clock_may_do() -> None:
    steady = logged((1060.0, 1, "train/loss", 6.0), (1001.0, 2, "train/loss", 6.0))
    assert found(RULE, with_events(steady)) == []
    # 100 s measured: up to 100 x 1.05 + 60 = 165 s are allowed.
    assert found(RULE, with_events(logged((1165.0, 18, "train/train_runtime", 100.0)))) == []


def test_fails_for_times_that_go_back() -> None:
    data = logged((2000.0, 1, "train/loss", 6.0), (1500.0, 2, "train/loss", 6.0))
    assert found(RULE, with_events(data)) == [
        finding(
            RULE,
            WARNING,
            "train/loss goes back by 500 s after step 1",
            event_path(),
            "train/loss at step 2",
            expected="times that go up",
            observed="-500 s",
        )
    ]


def test_fails_for_a_span_beyond_the_runtime() -> None:
    (only,) = found(RULE, with_events(logged((1400.0, 18, "train/train_runtime", 100.0))))
    assert only.message == "the events span 400 s, and train_runtime is 100 s"
    assert only.expected == "at most 165 s"


def test_says_when_it_cannot_look() -> None:
    (only,) = reasons(RULE, seed())
    assert only.endswith("was not read: unfetched")
