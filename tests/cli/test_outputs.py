"""What cannot be written or is not there is said in a sentence, and nothing else is lost for it."""

import json
from pathlib import Path

import pytest

from auditor.cli import run

Capture = pytest.CaptureFixture[str]
TINY = ["check", "candidate", "--repo", "fixtures/tiny/repo.bundle"]
FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_costs_one_file_and_no_other_report(capsys: Capture, tmp_path: Path) -> None:
    stored = tmp_path / "a.json"
    assert run([*TINY, "--output", f"html={FULL}", "--output", f"json={stored}"]) == 3
    done = capsys.readouterr()
    assert (
        done.err == "audit: /dev/full cannot be written: No space left on device\nhint: choose another path\n"
    )
    assert "PASS" in done.out
    assert json.loads(stored.read_text())["verdict"] == "pass"


def test_no_half_of_a_file_stays(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.write_text

    def half(path: Path, text: str, encoding: str | None = None) -> int:
        if path.suffix != ".html":
            return real(path, text, encoding=encoding)
        real(path, text[: len(text) // 2], encoding=encoding)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    page = tmp_path / "deep" / "a.html"
    assert run([*TINY, "--output", f"html={page}"]) == 3
    assert "a.html cannot be written" in capsys.readouterr().err
    assert not page.exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            [*TINY, "--output", "html=tests"],
            "audit: --output 'html=tests' names a folder\nhint: name a file in it: html=tests/audit.html\n",
        ),
        (
            ["check", "no-such.json"],
            "audit: 'no-such.json' is neither a file or folder here nor a branch, tag or commit of the repository ",
        ),
        (
            ["report", "README.md"],
            "audit: README.md is not an audit report: Expecting value: line 1 column 1 (char 0)\n",
        ),
    ],
)
def test_wrong_names_are_told_before_any_work(capsys: Capture, arguments: list[str], error: str) -> None:
    assert run(arguments) == 2
    done = capsys.readouterr()
    assert done.out == ""
    assert done.err.startswith(error)


@pytest.mark.parametrize("command", ["check", "inspect"])
def test_a_file_that_only_calls_itself_a_bundle(capsys: Capture, tmp_path: Path, command: str) -> None:
    (tmp_path / "x.bundle").write_text("junk")
    assert run([command, str(tmp_path / "x.bundle")]) == 2
    assert capsys.readouterr().err.endswith("is no git bundle\nhint: make it again with git bundle create\n")


def test_a_card_that_was_named_is_something_to_check(capsys: Capture) -> None:
    assert run(["check", "README.md"]) == 0
    assert "PASS" in capsys.readouterr().out
