"""Bundles: refs without a clone, LFS objects beside the file, damaged ones refused in a sentence."""

from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.sources import bundle
from tests.builders import repos


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_refs_of_a_bundle_are_read(tmp_path: Path, object_format: str) -> None:
    path = repos.init(tmp_path / "r", object_format)
    data = b"weights" * 999
    repos.commit(path, "main", {"a": b"1"})
    repos.commit(path, "other", {"b": b"2", "w.bin": repos.pointer(data)})
    repos.git(path, "bundle", "create", "-q", str(tmp_path / "x.bundle"), "main", "other")
    repos.store(tmp_path / "lfs", data)
    assert bundle.is_bundle(tmp_path / "x.bundle")
    with bundle.repository(tmp_path / "x.bundle") as repository:
        resolved = repository.resolve("main", "other")
        assert resolved.related is False
        other = repository.snapshot("other", resolved.commits[1], resolved)
        assert other.files["b"].read() == b"2"
        assert other.files["w.bin"].read() == data
        assert repository.branches() == ("main", "other")


def test_a_bundle_with_prerequisites_is_refused(tmp_path: Path) -> None:
    path = repos.init(tmp_path / "r")
    first = repos.commit(path, "main", {"a": b"1"})
    repos.commit(path, "main", {"a": b"2"}, (first,))
    repos.git(path, "bundle", "create", "-q", str(tmp_path / "x.bundle"), f"{first}..main")
    refused = pytest.raises(UsageError, match="needs commits that it does not contain")
    with refused, bundle.repository(tmp_path / "x.bundle"):
        pass


def test_a_truncated_pack_is_refused(tmp_path: Path) -> None:
    path = repos.init(tmp_path / "r")
    repos.commit(path, "main", {"a": b"1" * 5000})
    repos.git(path, "bundle", "create", "-q", str(tmp_path / "x.bundle"), "main")
    data = (tmp_path / "x.bundle").read_bytes()
    (tmp_path / "x.bundle").write_bytes(data[:-30])
    with pytest.raises(UsageError, match="damaged pack"), bundle.repository(tmp_path / "x.bundle"):
        pass


def test_other_files_are_not_bundles(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PK\x03\x04")
    assert not bundle.is_bundle(tmp_path / "x")
    with pytest.raises(UsageError, match="is not a git bundle"), bundle.repository(tmp_path / "x"):
        pass
