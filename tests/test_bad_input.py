"""Every kind of bad input: one sentence naming the file, the right exit code, the rest still audited, nothing changed.

Each case is written into a folder that holds an otherwise healthy repository; its digest is compared before and
after. What a reader says of each kind is tested beside the reader.
"""

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders import repos
from tests.builders.command import audit
from tests.builders.repositories import contents

Capture = pytest.CaptureFixture[str]


def digest(folder: Path) -> str:
    """sha256 over every path, mode, time and byte below a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(f"{path.relative_to(folder)} {path.lstat().st_mode} {path.lstat().st_mtime_ns}".encode())
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The healthy repository as a plain folder with every byte present."""
    folder = tmp_path / "model"
    for name, data in contents("tiny", "candidate")[0].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def safetensors(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensor(begin: int, end: int) -> dict[str, object]:
    return {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end]}


OVERLAP = safetensors(json.dumps({"a": tensor(0, 8), "b": tensor(4, 12)}).encode(), b"\0" * 12)

CASES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "invalid JSON": ("adapter_config.json", lambda data: data[:-5]),
    "JSON of another type": ("trainer_state.json", lambda _: b"[1, 2, 3]"),
    "not UTF-8": ("adapter_config.json", lambda _: b"\xff\xfe\x00"),
    "empty file": ("adapter_config.json", lambda _: b""),
    "deep nesting": ("trainer_state.json", lambda _: b"[" * 200_000),
    "a number of 10,000 digits": ("trainer_state.json", lambda _: b'{"global_step": ' + b"9" * 10_000 + b"}"),
    "safetensors shorter than its header": ("adapter_model.safetensors", lambda data: data[:100]),
    "safetensors cut in the data": ("adapter_model.safetensors", lambda data: data[:-100]),
    "safetensors header longer than the file": (
        "adapter_model.safetensors",
        lambda _: safetensors(b"{}", length=2**40),
    ),
    "safetensors with overlapping tensors": ("adapter_model.safetensors", lambda _: OVERLAP),
    "a million rows": ("trainer_state.json", lambda _: b'{"log_history":[' + b"{}," * 1_000_001 + b"{}]}"),
    "safetensors of 200,001 tensors": (
        "adapter_model.safetensors",
        lambda _: safetensors(b"{" + b'"a":{},' * 200_001 + b"}"),
    ),
    "safetensors of 0 bytes": ("adapter_model.safetensors", lambda _: b""),
    "truncated zip": ("checkpoint-18/optimizer.pt", lambda data: data[:-200]),
    "truncated pickle": ("training_args.bin", lambda _: b"\x80\x02}q\x00(X\x04\x00\x00\x00see"),
    "pickle bomb": (
        "checkpoint-18/scheduler.pt",
        lambda _: b"\x80\x02)" + b"2\x86" * 100_000 + b".",
    ),
    "no event file at all": (
        "runs/Jan15_09-00-00_x/events.out.tfevents.1768467607.x.1.0",
        lambda _: b"\xff" * 64,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_is_named_and_the_rest_is_audited(capsys: Capture, repository: Path, case: str) -> None:
    name, spoil = CASES[case]
    path = repository / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(spoil(path.read_bytes() if path.exists() else b""))
    before = digest(repository)
    done = audit(capsys, "check", str(repository), "--format", "json")
    assert digest(repository) == before
    report = json.loads(done.out)
    assert [item["path"] for item in report["unread"]] == [name]
    assert 5 < len(report["unread"][0]["reason"]) < 300
    assert done.code == (1 if report["verdict"] == "fail" else 3)
    assert report["coverage"]["files"]["read"] >= 25
    assert report["coverage"]["checks"]["failed_to_run"] == 0


def test_nan_and_infinity_in_json_are_read(capsys: Capture, repository: Path) -> None:
    path = repository / "trainer_state.json"
    path.write_text(path.read_text().replace('"grad_norm": 0.9911291003227234', '"grad_norm": NaN', 1))
    done = audit(capsys, "check", str(repository), "--format", "json")
    assert json.loads(done.out)["unread"] == []


def test_an_event_file_cut_in_the_middle_is_read_up_to_there(capsys: Capture, repository: Path) -> None:
    (path,) = repository.glob("runs/*/events*")
    path.write_bytes(path.read_bytes()[:-37])
    done = audit(capsys, "check", str(repository), "--format", "json")
    report = json.loads(done.out)
    assert report["unread"] == []
    assert any("event" in item["rule"] for item in report["findings"])


def test_an_lfs_object_with_other_bytes(capsys: Capture, tmp_path: Path) -> None:
    path = repos.init(tmp_path / "r")
    data = b"weights" * 500
    repos.commit(path, "main", {"README.md": b"# x\n", "adapter_model.safetensors": repos.pointer(data)})
    stored = repos.store(path / ".git" / "lfs" / "objects", data)
    stored.write_bytes(b"W" + data[1:])
    done = audit(capsys, "check", "main", "--repo", str(path), "--format", "json")
    (item,) = json.loads(done.out)["unread"]
    assert (item["path"], item["state"]) == ("adapter_model.safetensors", "mismatch")
    assert done.code in (1, 3)


def test_a_repository_without_a_model(capsys: Capture, tmp_path: Path) -> None:
    path = repos.init(tmp_path / "r")
    repos.commit(path, "main", {"README.txt": b"nothing to see"})
    done = audit(capsys, "check", "main", "--repo", str(path), "--format", "json")
    report = json.loads(done.out)
    assert (done.code, report["verdict"]) == (3, "nothing checked")
    assert report["runs"] == []
    assert report["coverage"]["checks"]["not_applicable"] > 30


def test_an_empty_repository(capsys: Capture, tmp_path: Path) -> None:
    path = repos.init(tmp_path / "r")
    done = audit(capsys, "check", "--repo", str(path))
    assert (done.code, done.out) == (2, "")
    assert "has no commits yet" in done.err


def test_no_repository_around(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = audit(capsys, "compare", "main", "x")
    assert done.code == 2
    assert "is not a git repository" in done.err


def test_a_comparison_changes_nothing_in_the_repository(capsys: Capture, tmp_path: Path) -> None:
    path = repos.init(tmp_path / "r")
    files = dict(contents("tiny", "candidate")[0])
    repos.commit(path, "main", {"README.md": b"# base\n"})
    repos.commit(path, "candidate", files)
    before = digest(path)
    assert audit(capsys, "compare", "main", "candidate", "--repo", str(path)).code in (0, 1)
    assert digest(path) == before
