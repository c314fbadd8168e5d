from dataclasses import replace

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "experiment-name-differs-from-branch"
CONFIG = "cheetah-fine-tuning-config.json"
KEY = "/experiment_name"


def test_passes() -> None:
    # The real case's experiment is its branch; the honest run's, tiny-sums-1, is no sister of "candidate".
    assert found(RULE, seed()) == []
    assert found(RULE, healthy()) == []
    assert (
        found(RULE, replace(healthy(json_edits={CONFIG: {KEY: "Candidate"}}), name="origin/Candidate")) == []
    )


def test_fails_as_a_note_for_a_sister() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {KEY: "candidate-2"}})) == [
        finding(
            RULE,
            NOTE,
            "the declared experiment is candidate-2, and the branch is candidate",
            CONFIG,
            KEY,
            expected="candidate",
            observed="candidate-2",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, replace(healthy(), name="HEAD")) == ["the audited side has no branch name"]
    assert reasons(RULE, replace(healthy(), kind="directory")) == ["the audited side has no branch name"]
    assert reasons(RULE, healthy(json_edits={CONFIG: {KEY: None}})) == [
        "the declared config names no experiment"
    ]
