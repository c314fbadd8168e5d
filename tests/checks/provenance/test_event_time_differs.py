from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "event-time-differs"
BEGIN = datetime(2025, 5, 8, 2, 15, 44, tzinfo=UTC)


def written(*moments: datetime, stamp: datetime = BEGIN) -> Snapshot:
    folder = f"runs/{stamp:%b%d_%H-%M-%S}_box"
    return memory_snapshot(
        "x",
        {f"{folder}/events.out.tfevents.{int(m.timestamp())}.box.{n}.0": b"" for n, m in enumerate(moments)},
    )


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


@given(quarters=st.integers(-48, 56), setup=st.integers(0, 24 * 3600))
def test_passes_every_time_zone_and_every_setup_of_a_day(quarters: int, setup: int) -> None:
    """Zones lie between UTC-12 and UTC+14 in quarters of an hour; the folder shows local time."""
    local = BEGIN + timedelta(minutes=15 * quarters)
    assert found(RULE, written(BEGIN + timedelta(seconds=setup), stamp=local)) == []


def test_passes_a_run_over_new_year() -> None:
    stamp = datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert found(RULE, written(datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC), stamp=stamp)) == []


def test_passes_a_later_file_of_a_resumed_run() -> None:
    assert found(RULE, written(BEGIN, BEGIN + timedelta(days=30))) == []


def test_fails() -> None:
    snapshot = written(BEGIN + timedelta(hours=50))
    (path,) = snapshot.files
    assert found(RULE, snapshot) == [
        finding(
            RULE,
            WARNING,
            "the file was begun at 2025-05-10 04:15:44 UTC, 50 hours after the stamp of its folder",
            path,
            expected="about May 08 02:15:44 in some time zone",
            observed="May 10 04:15:44 UTC",
        )
    ]


@pytest.mark.parametrize("hours", [-14.1, 36.1])
def test_fails_just_outside(hours: float) -> None:
    assert len(found(RULE, written(BEGIN + timedelta(hours=hours)))) == 1


def test_says_when_it_cannot_look() -> None:
    none = ["no event file lies in a folder that transformers named"]
    assert reasons(RULE, memory_snapshot("none", {})) == none
    impossible = "runs/Feb31_09-00-07_box/events.out.tfevents.1768467607.box.1.0"
    assert reasons(RULE, memory_snapshot("x", {impossible: b""})) == none
