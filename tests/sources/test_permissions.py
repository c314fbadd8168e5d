"""What this user may not read is named, and never passed over. Root may read everything, so that errors are put in."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.cli import run
from auditor.engine import audit
from auditor.errors import IncompleteError
from auditor.sources import directory
from tests.builders.repositories import healthy

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The honest repository as files."""
    for path, blob in healthy().files.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(blob.read(1 << 24))
    return tmp_path


def close(monkeypatch: pytest.MonkeyPatch, *closed: Path) -> None:
    """Make folders impossible to list, for os.walk."""
    real = os.scandir

    def refusing(path: str) -> "Iterator[os.DirEntry[str]]":
        if Path(path) in closed:
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)


def test_a_folder_that_cannot_be_listed_is_no_empty_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert audit.check(directory.snapshot(folder), audit.Options()).verdict == "pass"
    close(monkeypatch, folder / "checkpoint-9")
    report = audit.check(directory.snapshot(folder), audit.Options())
    assert (report.verdict, report.exit_code) == ("incomplete", 3)
    assert report.notes == ("the folder checkpoint-9 cannot be listed: Permission denied",)
    agree, safe, _ = report.answers
    assert (agree.state, safe.state) == ("open", "open")
    assert safe.says == "the list of files is not complete"


def test_many_closed_folders_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = [tmp_path / f"run-{number}" for number in range(9)]
    for path in inside:
        path.mkdir()
    close(monkeypatch, *inside)
    *named, last = directory.snapshot(tmp_path).notes
    assert [note.split()[2] for note in named] == [f"run-{number}" for number in range(5)]
    assert last == "4 more folders cannot be listed"


def test_the_whole_folder_cannot_be_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, folder)
    with pytest.raises(IncompleteError) as caught:
        directory.snapshot(folder)
    assert caught.value.message == f"{folder} cannot be listed: Permission denied"


def test_what_nobody_foresaw_is_a_sentence_too(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/locked/data.jsonl")

    monkeypatch.setattr("auditor.engine.audit.check", refuse)
    assert run(["check", "README.md"]) == 3
    assert capsys.readouterr().err == (
        "audit: /locked/data.jsonl cannot be opened: Permission denied\nhint: look at its permissions\n"
    )
