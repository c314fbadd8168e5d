from tests.builders.events import make_records, record, version
from tests.builders.repositories import contents, healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.training.parts import event_path, with_events

RULE = "event-log-damaged"


def honest() -> bytes:
    return contents("tiny", "candidate")[0][event_path()]


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_for_a_changed_byte() -> None:
    first = record(version(1.0))
    second = bytearray(record(version(2.0)))
    second[-6] ^= 1  # a byte of the content, in front of its checksum
    assert found(RULE, with_events(first + bytes(second))) == [
        finding(
            RULE,
            ERROR,
            "wrong checksum in 1 record of 2, first record 1",
            event_path(),
            "record 1",
            expected="the CRC32C that the record carries",
            observed="another one",
        )
    ]


def test_fails_as_a_warning_for_a_cut_end() -> None:
    data = honest()[:-5]
    (only,) = found(RULE, with_events(data))
    assert only.severity is WARNING
    assert only.message.startswith("the file breaks off in the middle of a record, after ")
    assert only.message.endswith(f" of {len(data):,} bytes")


def test_fails_as_a_warning_for_records_of_another_format() -> None:
    (only,) = found(RULE, with_events(make_records([version(1.0), b"\xff\xff\xff"])))
    assert only.severity is WARNING
    assert only.message == "no event in 1 record of 2, although the checksums are right"


def test_says_when_it_cannot_look() -> None:
    (only,) = reasons(RULE, seed())
    assert only.endswith("was not read: unfetched")
