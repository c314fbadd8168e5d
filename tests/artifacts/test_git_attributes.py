import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts.git_attributes import GitAttributes, pattern_matches
from auditor.errors import CannotRead
from tests.builders.blobs import blob
from tests.builders.repos import init

LFS = "filter=lfs diff=lfs merge=lfs -text\n"
HUB = f"*.safetensors {LFS}saved_model/**/* {LFS}"
PATHS = [
    "a",
    "b",
    "a.bin",
    "ab",
    ".a",
    "a b",
    "d/a",
    "d/a.bin",
    "d/e/a",
    "d/e/f/b.bin",
    "e/d/a",
    "x*y",
    "[a]",
    "d/a b.bin",
    "events.out.tfevents.1.h",
    "runs/d/events.out.tfevents.1.h",
]


def attributes(text: str | bytes, path: str = ".gitattributes") -> GitAttributes:
    return GitAttributes.parse(blob(text, path))


def asks_for_lfs(read: GitAttributes, path: str) -> bool:
    rule = read.deciding(path)
    return rule is not None and rule.is_lfs


def by_git(folder: Path, text: str) -> dict[str, bool]:
    """What git itself says of every path."""
    (folder / ".gitattributes").write_bytes(text.encode())
    done = subprocess.run(
        ["git", "-C", str(folder), "check-attr", "-z", "--stdin", "filter"],
        input="\0".join(PATHS).encode() + b"\0",
        capture_output=True,
        check=True,
    )
    words = done.stdout.decode().split("\0")
    return {words[n]: words[n + 2] == "lfs" for n in range(0, len(words) - 2, 3)}


def test_rules_lines_and_attributes() -> None:
    read = attributes("# comment\n\n" + HUB + "*.txt text eol=lf\n*.lock binary !filter\n")
    assert [(rule.pattern, rule.line) for rule in read.rules] == [
        ("*.safetensors", 3),
        ("saved_model/**/*", 4),
        ("*.txt", 5),
        ("*.lock", 6),
    ]
    assert read.rules[0].attributes == {"filter": "lfs", "diff": "lfs", "merge": "lfs", "text": False}
    assert read.rules[3].attributes == {
        "binary": True,
        "diff": False,
        "merge": False,
        "text": False,
        "filter": None,
    }
    assert read.lfs_patterns == ("*.safetensors", "saved_model/**/*")


def test_the_last_line_wins() -> None:
    read = attributes("*.bin filter=lfs\nkeep.bin -filter\n")
    assert (asks_for_lfs(read, "x.bin"), asks_for_lfs(read, "d/keep.bin")) == (True, False)
    rule = read.deciding("x.bin")
    assert rule is not None
    assert rule.line == 1


def test_patterns_speak_of_their_own_folder() -> None:
    read = attributes("/top.bin filter=lfs\n", "models/.gitattributes")
    assert asks_for_lfs(read, "models/top.bin")
    assert not asks_for_lfs(read, "top.bin")
    assert not asks_for_lfs(read, "models/d/top.bin")
    assert not asks_for_lfs(read, "modelsx/top.bin")


@pytest.mark.parametrize(
    "text",
    [
        HUB,
        "a filter=lfs",
        "/a filter=lfs",
        "d/a filter=lfs",
        "d/ filter=lfs",
        "d/** filter=lfs",
        "**/a filter=lfs",
        "d/**/a filter=lfs",
        "**/e/* filter=lfs",
        "* filter=lfs\nd/* -filter",
        "*tfevents* filter=lfs",
        "[ab] filter=lfs",
        "[!a] filter=lfs",
        "[^a] filter=lfs",
        "x\\*y filter=lfs",
        "\\[a\\] filter=lfs",
        '"a b" filter=lfs',
        "a[[:space:]]b filter=lfs",
        "?.bin\tfilter=lfs",
        "!a filter=lfs",
        "*.bin filter=lfs\r\na filter=lfs\r\n",
        "\ufeffa filter=lfs",
        "a filter=lfs # no comment",
        "*.bin filter=lfs\n*.bin !filter\nd/a.bin filter=lfs",
    ],
)
def test_agrees_with_git(text: str, tmp_path: Path) -> None:
    # Source of truth: git check-attr.
    folder = init(tmp_path / "repository")
    read = attributes(text.encode())
    assert {path: asks_for_lfs(read, path) for path in PATHS} == by_git(folder, text)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return init(tmp_path_factory.mktemp("attributes") / "repository")


PIECES = st.sampled_from(["*", "**", "/", "a", "b", "d", "e", "?", ".bin", "[ab]", "[!d]", "**/", "/**"])
LINES = st.builds(
    lambda pieces, attribute: "".join(pieces) + " " + attribute,
    st.lists(PIECES, min_size=1, max_size=5),
    st.sampled_from(["filter=lfs", "-filter", "!filter", "filter=other", "text"]),
)


@settings(max_examples=120, deadline=None)
@given(lines=st.lists(LINES, max_size=3))
def test_agrees_with_git_on_any_rules(repository: Path, lines: list[str]) -> None:
    text = "\n".join(lines)
    read = attributes(text)
    assert {path: asks_for_lfs(read, path) for path in PATHS} == by_git(repository, text)


def test_facts_are_the_lfs_patterns_as_a_set() -> None:
    one, other = (
        attributes("*.a filter=lfs\n*.b filter=lfs\n"),
        attributes("*.b filter=lfs\n*.a filter=lfs\n"),
    )
    assert one.facts() == other.facts()
    assert one.facts()["lfs_patterns"].value == {"*.a", "*.b"}


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab*?[]!^-/\\:~&|", max_size=20), st.sampled_from(PATHS))
def test_any_pattern_gives_an_answer(pattern: str, path: str) -> None:
    assert pattern_matches(pattern, path) in (True, False)


def test_hostile_pattern_is_fast() -> None:
    assert pattern_matches("*a" * 400 + "b", "a" * 800) is False
    assert pattern_matches("**/" * 300 + "b", "a/" * 300 + "a") is False


@pytest.mark.parametrize("data", [b"*.bin\0 filter=lfs", b"a filter=lfs\n" * 10_001])
def test_what_is_no_list_of_patterns_cannot_be_read(data: bytes) -> None:
    with pytest.raises(CannotRead):
        attributes(data)
