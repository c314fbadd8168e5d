"""Folders and single files; links are shown, pointers parsed, .git left out."""

from pathlib import Path

import pytest

from auditor.errors import CannotRead, UsageError
from auditor.model import FileKind
from auditor.sources import directory
from tests.builders import repos


def test_a_folder_is_read_without_git_and_caches(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.json").write_text("{}")
    found = directory.snapshot(tmp_path)
    assert list(found.files) == ["a/b.json"]
    assert found.files["a/b.json"].read() == b"{}"
    assert found.commit is None


def test_links_are_not_followed_not_even_to_folders(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "file").symlink_to(outside / "secret")
    (inside / "folder").symlink_to(outside)
    found = directory.snapshot(inside)
    assert {path: blob.kind for path, blob in found.files.items()} == {
        "file": FileKind.SYMLINK,
        "folder": FileKind.SYMLINK,
    }
    with pytest.raises(CannotRead):
        found.files["file"].read()


def test_one_file_is_a_snapshot_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    found = directory.snapshot(tmp_path / "adapter_config.json")
    assert found.kind == "file"
    assert list(found.files) == ["adapter_config.json"]


def test_pointers_in_a_folder_use_the_store(tmp_path: Path) -> None:
    data = b"w" * 2000
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "w.bin").write_bytes(repos.pointer(data))
    repos.store(tmp_path / "lfs", data)
    assert directory.snapshot(tmp_path / "m", (tmp_path / "lfs",)).files["w.bin"].read() == data
    assert directory.snapshot(tmp_path / "m").files["w.bin"].absent is not None


def test_a_fifo_is_never_opened(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    blob = directory.snapshot(tmp_path).files["pipe"]
    with pytest.raises(CannotRead, match="not a regular file"):
        blob.read()


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        directory.snapshot(tmp_path / "nope")


def test_a_file_is_hashed_only_when_asked_and_only_once(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "w.bin"
    path.write_bytes(b"weights")
    blob = directory.snapshot(tmp_path).files["w.bin"]
    assert blob.identity is None
    digest = blob.digest()
    assert digest is not None
    assert (digest.algorithm, digest.hex) == ("sha256", hashlib.sha256(b"weights").hexdigest())
    path.write_bytes(b"changed")
    assert blob.digest() is digest


def test_a_vouched_folder_follows_links_and_leaves_weights_out(tmp_path: Path) -> None:
    """As in the hub's cache, where every file of a snapshot is a link to a blob."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "1").write_bytes(b"{}")
    made = tmp_path / "snapshot"
    (made / "onnx").mkdir(parents=True)
    (made / "config.json").symlink_to(tmp_path / "blobs" / "1")
    (made / "model.safetensors").write_bytes(b"x")
    (made / "gone.json").symlink_to(tmp_path / "blobs" / "2")
    found = directory.vouched(made).files
    assert list(found) == ["config.json"]
    assert found["config.json"].read() == b"{}"


def test_a_vouched_folder_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        directory.vouched(tmp_path / "missing")


def test_an_empty_file_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of /proc say that they are empty, and /proc/kmsg waits for messages."""
    (tmp_path / "tokenizer.json").write_bytes(b"")
    for found in (directory.vouched(tmp_path), directory.snapshot(tmp_path)):
        with monkeypatch.context() as patched:
            patched.setattr(Path, "open", lambda *_: pytest.fail("opened"))
            blob = found.files["tokenizer.json"]
            assert (blob.read(), blob.size, blob.absent) == (b"", 0, None)
