import pytest

from auditor.checks.training.log_rows_missing import MOST, missing
from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons
from tests.checks.training.parts import STATE, STATES, alone, event_path, rows

RULE = "log-rows-missing"


def cut(*steps: int, events: bool = False) -> Snapshot:
    """No copy of the log has a row of these steps."""
    logs = {path: [row for row in rows(path) if row["step"] not in steps] for path in STATES}
    changed = {path: {"/log_history": log} for path, log in logs.items()}
    return healthy(json_edits=changed, without=() if events else [event_path()])


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails() -> None:
    (first, *others) = found(RULE, cut(4, 11, 12))
    assert first == finding(
        RULE,
        ERROR,
        "log_history has no loss at step 4 nor at 2 other steps, and one every 1 step before and after",
        first.at.path,
        "/log_history",
        expected="a row at step 4",
        observed="none",
    )
    assert {first.at.path, *(item.at.path for item in others)} <= set(STATES)


def test_passes_where_another_copy_has_the_row() -> None:
    one = [row for row in rows() if row["step"] != 4]
    assert found(RULE, alone(one)) == []
    assert "another copy of the log has a loss there" in reasons(RULE, alone(one))


def test_cannot_look_without_an_interval() -> None:
    assert reasons(RULE, healthy(json_edits={STATE: {"/logging_steps": 0}})) == [
        "no interval of logging is known"
    ]


def test_fails_beside_an_event_file_that_has_the_row() -> None:
    assert {item.expected for item in found(RULE, cut(4, events=True))} == {"a row at step 4"}


@pytest.mark.parametrize(
    ("steps", "interval", "expected"),
    [
        ([1, 2, 3, 5, 6], 1, [4]),
        ([1, 3, 4], 1, [2]),
        ([5, 10, 15, 30, 35], 5, [20, 25]),
        ([1, 10, 20, 40, 50], 10, [30]),  # the first step is logged too
        ([1, 2, 3, 5], 1, []),  # nothing shows that the interval goes on
        ([20, 40, 50, 60], 10, []),  # resumed with a shorter interval
        ([10, 20, 30, 60, 90], 10, []),  # and with a longer one
        ([7, 14], 10, []),
        ([], 1, []),
    ],
)
def test_a_hole_counts_between_unbroken_intervals(
    steps: list[int], interval: int, expected: list[int]
) -> None:
    assert missing(steps, interval) == expected


def test_a_hostile_hole_is_not_counted_out() -> None:
    assert len(missing([1, 2, 10**15, 10**15 + 1], 1)) == MOST
