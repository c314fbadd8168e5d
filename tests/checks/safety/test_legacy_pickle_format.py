import pickle

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "legacy-pickle-format"
BARE = pickle.dumps({"last_epoch": 18}, 2)


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_file_that_is_called_a_pickle() -> None:
    assert found(RULE, healthy(data={"vocabulary.pkl": BARE})) == []


def test_fails() -> None:
    assert found(RULE, healthy(data={"extra.pt": BARE})) == [
        finding(
            RULE,
            NOTE,
            "the file is a raw pickle, not a torch archive",
            "extra.pt",
            expected="zip",
            observed="raw",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/optimizer.pt was not read: unfetched (and 4 more)"]
