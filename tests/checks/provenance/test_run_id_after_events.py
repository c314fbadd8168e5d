from datetime import UTC, datetime, timedelta

import pytest

from auditor.checks.provenance.run_id_after_events import made_at
from auditor.model import Snapshot
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "run-id-after-events"
HOST = "fine-tuning-01jtptcd849pbnyct65k6d05x2-kzmmc"
MADE = datetime(2025, 5, 8, 2, 7, 53, 92_000, tzinfo=UTC)
"""The ULID's first ten characters, 01jtptcd84, decoded by hand in base 32 (Crockford): 1,746,670,073,092 ms."""


def written(host: str, epoch: int) -> Snapshot:
    return memory_snapshot("x", {f"runs/events.out.tfevents.{epoch}.{host}": b""})


def test_passes() -> None:
    assert found(RULE, seed()) == []


@pytest.mark.parametrize(
    ("host", "moment"),
    [
        (HOST, MADE),
        ("job-0196ad6c-8d04-7abc-8def-0123456789ab", MADE),
        ("fine-tuning-zzzzzzzzzzzzzzzzzzzzzzzzzz", None),
        ("fine-tuning-00000000000000000000000000", None),
        ("job-0196ad6c-8d04-4abc-8def-0123456789ab", None),
        ("tiny-trainer", None),
    ],
)
def test_the_moment_inside_an_id(host: str, moment: datetime | None) -> None:
    made = made_at(host)
    if moment is None or host.startswith("fine"):
        assert made == moment
    else:
        assert made is not None
        assert made == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=0x0196AD6C8D04)


def test_fails_when_the_id_is_younger_than_the_file() -> None:
    snapshot = written(HOST, int(MADE.timestamp()) - 3600)
    (path,) = snapshot.files
    assert found(RULE, snapshot) == [
        finding(
            RULE,
            NOTE,
            "the id in the host name was made at 2025-05-08 02:07:53 UTC, the event file at 2025-05-08 01:07:53 UTC",
            path,
            expected="an id made shortly before the file",
            observed="2025-05-08 02:07:53 and 2025-05-08 01:07:53",
        )
    ]


def test_fails_when_the_id_is_months_older() -> None:
    assert len(found(RULE, written(HOST, int(MADE.timestamp()) + 91 * 86_400))) == 1
    assert found(RULE, written(HOST, int(MADE.timestamp()) + 89 * 86_400)) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["no host name of an event file holds an id with a time in it"]
