from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "event-host-differs"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_passes_a_comment_and_a_folder_of_another_kind() -> None:
    comment = "runs/Jan15_09-00-07_box_lr-1e-3/events.out.tfevents.1768467607.box.1.0"
    own = "logs/experiment-7/events.out.tfevents.1768467607.box.1.0"
    assert found(RULE, memory_snapshot("x", {comment: b"", own: b""})) == []


def test_fails() -> None:
    path = "runs/Jan15_09-00-07_left/events.out.tfevents.1768467607.right.11839.0"
    assert found(RULE, memory_snapshot("x", {path: b""})) == [
        finding(
            RULE,
            WARNING,
            "the file was written on right, its folder on left",
            path,
            expected="left",
            observed="right",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    none = ["no event file lies in a folder that transformers named"]
    assert reasons(RULE, memory_snapshot("none", {})) == none
    own = "logs/experiment-7/events.out.tfevents.1768467607.box.1.0"
    assert reasons(RULE, memory_snapshot("own", {own: b""})) == none
