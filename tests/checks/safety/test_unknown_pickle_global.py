import os

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.safety.pickled import Calls, archive

RULE = "unknown-pickle-global"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_name_that_is_called_which_is_the_graver_rule() -> None:
    assert found(RULE, healthy(data={"extra.pt": archive(Calls(os.system, "true"))})) == []


def test_fails() -> None:
    # A function pickles as its name only: module and attribute are imported, nothing is called.
    assert found(RULE, healthy(data={"extra.pt": archive([os.getcwd])})) == [
        finding(
            RULE,
            WARNING,
            "opening the file imports posix.getcwd",
            "extra.pt",
            expected="names of known training libraries",
            observed="posix.getcwd",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/optimizer.pt was not read: unfetched (and 4 more)"]
