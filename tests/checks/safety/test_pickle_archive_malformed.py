import zipfile

import pytest

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found, reasons
from tests.checks.safety.pickled import archive

RULE = "pickle-archive-malformed"
AS_TORCH = "one uncompressed data.pkl and its storages"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_torchscript_with_its_second_pickle() -> None:
    script = archive({}, [("archive/constants.pkl", b"\x80\x02)."), ("archive/code/__torch__.py", b"")])
    assert found(RULE, healthy(data={"model.pt": script})) == []


def test_fails_for_a_path_that_leaves_the_archive() -> None:
    data = archive({}, [("archive/../../profile", b"x")])
    says = "entry 'archive/../../profile' points outside the archive"
    assert found(RULE, healthy(data={"extra.pt": data})) == [
        finding(
            RULE,
            ERROR,
            f"the archive is not as torch writes it: {says}",
            "extra.pt",
            expected=AS_TORCH,
            observed=says,
        )
    ]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_fails_for_two_entries_of_one_name() -> None:
    (only,) = found(RULE, healthy(data={"extra.pt": archive({}, [("archive/version", b"4\n")])}))
    assert only.observed == "entry 'archive/version' occurs twice"


def test_fails_for_compressed_entries() -> None:
    data = archive({"a": "b" * 1000}, compression=zipfile.ZIP_DEFLATED)
    (only,) = found(RULE, healthy(data={"extra.pt": data}))
    assert only.observed == "entries are compressed, which torch never does"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["checkpoint-450/optimizer.pt was not read: unfetched (and 4 more)"]
