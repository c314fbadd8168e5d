from dataclasses import replace

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, as_git, finding, found, reasons
from tests.checks.storage.stored import healthy_in_git

RULE = "lfs-rule-over-plain-content"


def test_passes() -> None:
    assert found(RULE, as_git(seed())) == []
    with healthy_in_git() as snapshot:
        assert found(RULE, snapshot) == []


def test_passes_an_empty_file_and_bytes_whose_storage_is_unknown() -> None:
    assert found(RULE, as_git(seed(data={"empty.bin": b""}))) == []
    assert found(RULE, healthy()) == []


def test_fails() -> None:
    snapshot = as_git(seed(data={"extra/one.bin": b"12345", "extra/two.pt": b"678"}))
    assert found(RULE, snapshot) == [
        finding(
            RULE,
            WARNING,
            "git itself stores 2 files that a Git LFS rule covers: extra/one.bin, extra/two.pt",
            "extra/one.bin",
            expected="Git LFS pointers",
            observed="8 bytes in git objects",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    folder = replace(as_git(seed(data={"one.bin": b"1"})), kind="directory")
    assert reasons(RULE, folder) == ["a folder alone does not show how git stores it (give a ref)"]
