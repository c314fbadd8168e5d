"""Hostile cards, front matter, histories and names: one clear sentence each, the rest audited, in bounded time.

Each case lies beside an otherwise healthy repository. Times are CPU seconds of this process, with wide room: what they
guard against takes minutes or for ever.
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from auditor.engine.audit import Options, check
from auditor.model import Report, Severity
from auditor.sources import directory
from auditor.sources.directory import memory_snapshot
from auditor.sources.git import Repository
from tests.builders import repos
from tests.builders.command import audit
from tests.builders.repositories import contents

BOUND = 30.0
"""CPU seconds that one audit may take on a slow machine."""
FILES = dict(contents("tiny", "candidate")[0])
CARD = FILES["README.md"]
STATE = "trainer_state.json"


def report_of(changed: Mapping[str, bytes]) -> Report:
    """The report of the healthy repository with some files changed, within the bound, no rule crashed."""
    start = time.process_time()
    report = check(memory_snapshot("x", {**FILES, **changed}), Options())
    assert time.process_time() - start < BOUND
    assert report.coverage.checks["failed_to_run"] == 0
    assert report.coverage.files["read"] >= 25
    return report


def warned(report: Report) -> list[tuple[str, str]]:
    return [(item.rule, item.message) for item in report.findings if item.severity is not Severity.NOTE]


LARGE_CARDS = {
    "lines": b"some words of text\n" * 550_000,
    "one line": b"fine-tuned a " * 800_000,
    "headings": b"# \n" * 3_300_000,
    "bullets": b"- a: 1\n" * 1_400_000,
    "comments": b"<!--" * 2_500_000,
    "markers": b"<<<<<<< HEAD\n" * 800_000,
    "placeholders": b"[More Information Needed] " * 400_000,
    "blanks": b" " * 10_000_000,
    "tables": b"| mmlu | 1 |\n" * 800_000,
    "conflict": b"=======\n" * 1_200_000,
}


@pytest.mark.parametrize("case", LARGE_CARDS)
def test_a_card_of_10_mb_takes_bounded_time(case: str) -> None:
    report = report_of({"README.md": CARD + LARGE_CARDS[case]})
    assert report.unread == ()
    assert [rule for rule, _ in warned(report)] == []


def test_a_card_beyond_the_limit_is_named() -> None:
    (item,) = report_of({"README.md": b"x" * (16 * 1024 * 1024 + 1)}).unread
    assert (item.path, item.reason) == (
        "README.md",
        "is larger than 16777216 bytes, too large for this kind of file",
    )


FRONT_MATTER = {
    "aliases": (b"a: &a [x]\n" + b"b: [*a, *a]\n" * 50, "it uses more than 20 aliases"),
    "bomb": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            b"%c: &%c [*%c,*%c,*%c]\n" % (n, n, n - 1, n - 1, n - 1) for n in range(ord("b"), ord("h"))
        ),
        "it expands to too many values",
    ),
    "tag": (b'base_model: !!python/object/apply:os.system ["false"]\n', "could not determine a constructor"),
    "own tag": (b"base_model: !secret x\n", "could not determine a constructor for the tag '!secret'"),
    "nesting": (b"a: " + b"[" * 5_000 + b"\n", "it is nested deeper than 50"),
    "size": (b"a: b\n" * 2_000_000, "it is longer than 262144 characters"),
    "twice": (b"base_model: a/b\nbase_model: c/d\n", "the key 'base_model' stands twice in one mapping"),
    "number": (b"a: " + b"1:" * 5_000 + b"1\n", "it holds a number with too many digits"),
    "list": (b"- a\n- b\n", "it is a list where a mapping is expected"),
}


@pytest.mark.parametrize("case", FRONT_MATTER)
def test_hostile_front_matter_is_one_finding_with_its_reason(case: str) -> None:
    block, reason = FRONT_MATTER[case]
    report = report_of({"README.md": b"---\n" + block + b"---\n# Card\n"})
    if case == "bomb":  # few aliases, and their copies counted: nothing is wrong with them but the size
        assert {rule for rule, _ in warned(report)} <= {
            "front-matter-unusable",
            "dataset-not-named",
            "licence-missing",
        }
        return
    ((rule, message),) = warned(report)
    assert rule == "front-matter-unusable"
    assert reason in message
    assert len(message) < 300


def test_a_history_of_a_million_rows_is_named() -> None:
    state = json.loads(FILES[STATE])
    rows = b",".join(b'{"step":%d,"loss":1.0}' % step for step in range(1_000_000))
    text = json.dumps({**state, "log_history": []}).encode()
    (item,) = report_of({STATE: text.replace(b'"log_history": []', b'"log_history": [' + rows + b"]")}).unread
    assert item.path == STATE
    assert item.reason == "holds more than 1,000,000 objects and arrays, too many to read"


def test_a_history_of_a_hundred_thousand_rows_is_read() -> None:
    state = json.loads(FILES[STATE])
    rows = [*state["log_history"], *({"step": 18, "note": n} for n in range(100_000))]
    assert report_of({STATE: json.dumps({**state, "log_history": rows}).encode()}).unread == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("adapter_config.json", b'{"r": 8, "r": 16}'),
        (STATE, b'{"log_history": [{"step": 1, "step": 2}]}'),
        ("all_results.json", b'{"train_loss": 1.0, "train_loss": 2.0}'),
    ],
)
def test_a_key_that_stands_twice_is_named(name: str, text: bytes) -> None:
    (item,) = report_of({name: text}).unread
    assert item.path == name
    assert "twice in one object, and programs differ in which they take" in item.reason


@pytest.mark.parametrize(("open_", "close"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_deeply_nested_json_is_named(open_: bytes, close: bytes) -> None:
    depth = 100_000
    (item,) = report_of({STATE: open_ * depth + b"1" + close * depth}).unread
    assert item.reason == "is not usable JSON: nested too deeply or holds a number with too many digits"


NAMES = [
    b"caf\xe9/adapter_config.json",
    b"a\nb/adapter_config.json",
    b"\x1b[31m/adapter_config.json",
    b"-r/README.md",
]


@pytest.mark.parametrize("name", NAMES)
def test_strange_names_are_read_shown_harmlessly_and_change_nothing_else(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: bytes
) -> None:
    """A name is bytes on disk and in git; a report is text that goes to terminals and to programs."""
    folder = tmp_path / "model"
    for path, data in {**{key.encode(): data for key, data in FILES.items()}, name: b"{"}.items():
        place = os.path.join(os.fsencode(folder), path)  # noqa: PTH118 - names that are no text
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
        Path(os.fsdecode(place)).write_bytes(data)
    done = audit(capsys, "check", str(folder))
    assert "\x1b[31m" not in done.out
    assert not any(line.startswith("b/adapter_config") for line in done.out.splitlines())
    json_ = audit(capsys, "check", str(folder), "--format", "json")
    found = json.loads(json_.out)
    assert found["coverage"]["checks"]["failed_to_run"] == 0
    assert found["coverage"]["files"]["read"] >= 25
    for format_ in ("markdown", "sarif", "junit", "html"):
        assert audit(capsys, "check", str(folder), "--format", format_).out


def test_names_that_lead_out_of_a_tree_are_never_opened(tmp_path: Path) -> None:
    """Git refuses to check such a tree out; the objects can be made all the same."""
    path = repos.init(tmp_path / "r")
    (tmp_path / "adapter_config.json").write_text("outside")

    blob = repos.git(path, "hash-object", "-w", "--stdin", stdin=b"{")
    tree = ("hash-object", "-w", "-t", "tree", "--literally", "--stdin")
    inner = repos.git(path, *tree, stdin=_entry("100644", "adapter_config.json", blob))
    outer = repos.git(path, *tree, stdin=_entry("40000", "..", inner))
    commit = repos.git(path, "commit-tree", outer, "-m", "x")
    with Repository(path) as repository:
        resolved = repository.resolve(commit)
        snapshot = repository.snapshot(commit, resolved.commits[0], resolved)
        report = check(snapshot, Options())
    assert [item.path for item in report.unread] == ["../adapter_config.json"]
    assert (
        "is not valid JSON" in report.unread[0].reason
    )  # git's own object, not the file above the repository


def _entry(mode: str, name: str, digest: str) -> bytes:
    return f"{mode} {name}\0".encode() + bytes.fromhex(digest)


def test_a_folder_is_not_left_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "adapter_config.json").symlink_to("../secret.json")
    (item,) = check(directory.snapshot(folder), Options()).unread
    assert item.reason == "is a symlink, which is never followed"
