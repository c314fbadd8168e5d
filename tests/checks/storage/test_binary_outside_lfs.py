from dataclasses import replace

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, NOTE, as_git, finding, found, reasons
from tests.checks.storage.stored import healthy_in_git

RULE = "binary-outside-lfs"
LARGE = b"\0" * 1_000_001


def test_passes() -> None:
    assert found(RULE, seed()) == []
    with healthy_in_git() as snapshot:
        assert found(RULE, snapshot) == []


def test_passes_a_small_binary_and_a_large_text() -> None:
    data = {"scheduler.gguf": LARGE[:-1], "notes.txt": LARGE}
    assert found(RULE, as_git(healthy(data=data))) == []


def test_passes_what_an_lfs_rule_covers() -> None:
    assert found(RULE, as_git(healthy(data={"model.safetensors": LARGE}))) == []


def test_fails_where_the_repository_uses_lfs() -> None:
    snapshot = as_git(seed(data={"export/model.gguf": LARGE, "export/other.gguf": LARGE}))
    assert found(RULE, snapshot) == [
        finding(
            RULE,
            ERROR,
            "git itself stores 2 binary files above 1 MB: export/model.gguf, export/other.gguf",
            "export/model.gguf",
            expected="Git LFS pointers",
            observed="2,000,002 bytes in git objects",
        )
    ]


def test_fails_mildly_where_nothing_is_in_lfs() -> None:
    snapshot = as_git(healthy(data={"model.safetensors": LARGE}, without=[".gitattributes"]))
    (only,) = found(RULE, snapshot)
    assert only.severity is NOTE


def test_says_when_it_cannot_look() -> None:
    folder = replace(as_git(healthy(data={"model.gguf": LARGE})), kind="directory")
    assert reasons(RULE, folder) == ["a folder alone does not show how git stores it (give a ref)"]
    broken = healthy(data={".gitattributes": b"\0", "model.gguf": LARGE})
    assert reasons(RULE, as_git(broken)) == [".gitattributes is a binary file, not a list of patterns"]
