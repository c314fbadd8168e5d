from dataclasses import replace

from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "unrelated-histories"


def committed(snapshot: Snapshot, name: str, commit: str) -> Snapshot:
    return replace(snapshot, name=name, commit=commit, cache={})


BASE = committed(healthy(), "main", "a" * 40)
HEAD = committed(seed(), "caost-test-2", "b" * 40)


def test_passes_related_histories() -> None:
    assert found(RULE, HEAD, compared_with=BASE, related=True) == []


def test_fails() -> None:
    assert found(RULE, HEAD, compared_with=BASE, related=False) == [
        finding(
            RULE,
            WARNING,
            "main and caost-test-2 have entirely different histories: git merge refuses them",
            ".",
            expected="a common ancestor",
            observed="no common ancestor of aaaaaaaaaaaa and bbbbbbbbbbbb",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["only one side was audited (audit compare looks at two)"]
    assert reasons(RULE, HEAD, compared_with=BASE, related=None) == [
        "a shallow clone does not hold enough history to tell"
    ]
    assert reasons(RULE, seed(), compared_with=BASE, related=False) == [
        "one of the two sides is not a commit"
    ]
