from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import contents, healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "front-matter-unusable"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []
    nested = "---\na: {x: 1}\nb: {x: 1}\nc: &k [1]\nd: *k\n---\n# card\n"
    assert found(RULE, healthy(text={"README.md": nested})) == []


def test_fails_for_a_key_that_stands_twice() -> None:
    """PyYAML keeps the last base_model; a reviewer reads the first."""
    card = contents("tiny", "candidate")[0]["README.md"].decode()
    twice = card.replace("base_model: ", "base_model: other/base\nbase_model: ", 1)
    assert found(RULE, healthy(text={"README.md": twice})) == [
        finding(
            RULE,
            WARNING,
            "the front matter is not usable: the key 'base_model' stands twice in one mapping",
            "README.md",
            "front matter",
        )
    ]


def test_fails_for_a_block_that_is_never_closed() -> None:
    (item,) = found(RULE, healthy(text={"README.md": "---\nbase_model: a/b\n"}))
    assert item.message == "the front matter is opened by --- and never closed"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no README.md is in the repository"]


def test_fails_as_a_note_for_a_page_of_utf_16_without_front_matter() -> None:
    (item,) = found(RULE, healthy(data={"README.md": "# My project".encode("utf-16")}))
    assert item.severity is NOTE
    (card,) = found(RULE, healthy(data={"README.md": "---\nlicense: mit\n---\n".encode("utf-16")}))
    assert card.severity is WARNING
