from auditor.sources.directory import memory_snapshot
from tests.builders import repos
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, finding, found

RULE = "git-attributes-is-pointer"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []
    assert found(RULE, memory_snapshot("none", {})) == []


def test_fails() -> None:
    snapshot = memory_snapshot("x", {"a/.gitattributes": repos.pointer(b"* filter=lfs\n")})
    assert found(RULE, snapshot) == [
        finding(
            RULE,
            ERROR,
            "a/.gitattributes is a Git LFS pointer, so git finds no rule in it",
            "a/.gitattributes",
            expected="patterns and attributes",
            observed="a pointer",
        )
    ]


def test_cannot_look_is_never_said_since_the_pointer_is_the_proof() -> None:
    """The content behind the pointer is not needed, and here it is not there."""
    (item,) = found(RULE, healthy(data={".gitattributes": repos.pointer(b"x" * 99)}))
    assert item.at.path == ".gitattributes"
