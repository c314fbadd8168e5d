"""Digests of files against hashlib on their bytes; several at a time."""

import hashlib
from pathlib import Path

import pytest

from auditor.errors import CannotRead
from auditor.runs import _reading
from auditor.sources import _hashing, lfs
from auditor.sources.directory import snapshot


@pytest.mark.parametrize("size", [0, 1, _hashing._BUFFER - 1, _hashing._BUFFER, 2 * _hashing._BUFFER + 5])
@pytest.mark.parametrize("most", [None, 0, 1, _hashing._BUFFER + 1, 10**9])
def test_the_digest_of_the_first_bytes(tmp_path: Path, size: int, most: int | None) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    path = tmp_path / "file"
    path.write_bytes(data[:size])
    with path.open("rb", buffering=0) as stream:
        assert _hashing.sha256_of(stream, most) == hashlib.sha256(data[:size][:most]).hexdigest()


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_all_tasks_are_done(count: int) -> None:
    done: list[int] = []
    _hashing.together([lambda number=number: done.append(number) for number in range(count)])  # type: ignore[misc]
    assert sorted(done) == list(range(count))


def test_large_objects_are_hashed_ahead_once_and_what_is_wrong_is_still_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_reading, "_LARGE", 100)
    folder, store = tmp_path / "repo", tmp_path / "store"
    (folder / "checkpoint-1").mkdir(parents=True)
    store.mkdir()
    for name, promised, stored in (
        ("a.safetensors", b"a" * 200, b"a" * 200),
        ("checkpoint-1/a.safetensors", b"a" * 200, b"a" * 200),
        ("b.safetensors", b"b" * 200, b"c" * 200),
    ):
        oid = hashlib.sha256(promised).hexdigest()
        (store / oid).write_bytes(stored)
        (folder / name).write_text(
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 200\n"
        )
    hashed: list[str] = []
    genuine = lfs._mismatch

    def counted(path: Path, pointer: lfs.Pointer) -> str | None:
        hashed.append(pointer.oid.hex)
        return genuine(path, pointer)

    monkeypatch.setattr(lfs, "_mismatch", counted)
    files = snapshot(folder, (store,))
    found = {item.path: item.reason for item in _reading.read(files).unread}
    assert len(hashed) == len(set(hashed)) == 2
    assert found["b.safetensors"].startswith("the LFS object hashes to sha256")
    with pytest.raises(CannotRead, match="its pointer promises"):
        files.files["b.safetensors"].open()
