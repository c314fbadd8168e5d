"""Finished reruns: found by everything that decides their bits, bounded in size, never half written."""

import os
import sys
from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.rerun import cache


def made(folder: Path, size: int = 100) -> Path:
    (folder / "rerun").mkdir(parents=True)
    (folder / "rerun" / "adapter_model.safetensors").write_bytes(b"x" * size)
    return folder


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"AUDIT_CACHE_DIR": "/a"}, Path("/a/reruns")),
        ({"XDG_CACHE_HOME": "/b"}, Path("/b/auditor/reruns")),
        ({"AUDIT_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a/reruns")),
        ({}, Path.home() / ".cache" / "auditor" / "reruns"),
    ],
)
def test_the_folder_is_the_platforms_own(
    variables: dict[str, str], expected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache.folder(variables) == expected


def test_what_was_stored_is_found(tmp_path: Path) -> None:
    cache.store("key", made(tmp_path / "outputs"), tmp_path / "cache")
    found = cache.find("key", tmp_path / "cache")
    assert found is not None
    assert (found / "rerun" / "adapter_model.safetensors").read_bytes() == b"x" * 100
    assert cache.find("other", tmp_path / "cache") is None


def test_a_half_written_folder_is_not_found(tmp_path: Path) -> None:
    made(tmp_path / "cache" / "key")
    assert cache.find("key", tmp_path / "cache") is None


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    for age, name in ((300, "used again"), (200, "old"), (100, "new")):
        cache.store(name, made(tmp_path / name), root, limit=1000)
        os.utime(root / name / "complete.json", (1e9 - age, 1e9 - age))
    assert cache.find("used again", root) is not None
    # Each holds 100 bytes and a marker of 13; 330 less the 100 to come leave room for two.
    cache.store("newest", made(tmp_path / "newest"), root, limit=330)
    assert sorted(path.name for path in root.iterdir()) == ["new", "newest", "used again"]


def test_one_that_is_too_large_is_not_kept(tmp_path: Path) -> None:
    cache.store("key", made(tmp_path / "outputs", 600), tmp_path / "cache", limit=1000)
    assert cache.find("key", tmp_path / "cache") is None


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    cache.store("key", made(tmp_path / "outputs"), tmp_path / "cache")
    assert (tmp_path / "cache").is_file()


def test_the_key_follows_every_input(tmp_path: Path) -> None:
    base, data = tmp_path / "base", tmp_path / "rows.jsonl"
    (base / "sub").mkdir(parents=True)
    (base / "config.json").write_text("{}")
    data.write_text("one\n")

    def asked(seed: int = 42) -> str:
        return cache.key({"seed": seed, "base": cache.digest_of(base), "data": cache.digest_of(data)})

    keys = {asked()}
    assert asked() in keys
    keys.add(asked(43))
    data.write_text("two\n")
    keys.add(asked())
    (base / "config.json").write_text("{ }")
    keys.add(asked())
    (base / "config.json").rename(base / "sub" / "config.json")
    keys.add(asked())
    assert len(keys) == 5


def test_the_key_follows_the_childs_own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.key({})
    (tmp_path / "train.py").write_text("another child")
    monkeypatch.setattr(cache, "_CHILD", tmp_path)
    assert cache.key({}) != before


def test_a_moved_base_is_the_same_base(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / ".lock").write_text(name)
    assert cache.digest_of(tmp_path / "one") == cache.digest_of(tmp_path / "two")


def test_an_input_that_cannot_be_read_is_said() -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        cache.digest_of(Path("/proc/self/mem"))
