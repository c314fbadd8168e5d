"""Refs through plumbing: every shape of repository, and every way it can disappoint."""

import hashlib
import os
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from auditor.errors import CannotRead, IncompleteError, UsageError
from auditor.model import FileKind, Snapshot
from auditor.sources import _cat_file
from auditor.sources.git import Repository
from tests.builders import repos


def snapshot(repository: Repository, ref: str) -> Snapshot:
    resolved = repository.resolve(ref)
    return repository.snapshot(ref, resolved.commits[0], resolved)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = repos.init(tmp_path / "r")
    repos.commit(path, "main", {"README.md": b"hello\n", "sub/dir/a.json": b"{}"})
    repos.commit(path, "other", {"README.md": b"other\n"})
    return path


def test_a_ref_is_read_without_a_checkout(repo: Path) -> None:
    with Repository(repo) as repository:
        found = snapshot(repository, "main")
    assert list(found.files) == ["README.md", "sub/dir/a.json"]
    assert found.files["README.md"].read() == b"hello\n"
    assert found.files["sub/dir/a.json"].size == 2
    assert found.commit == repos.git(repo, "rev-parse", "main")


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("bare", [False, True])
def test_object_formats_and_bare_repositories(tmp_path: Path, object_format: str, bare: bool) -> None:
    path = repos.init(tmp_path / "r", object_format)
    oid = repos.commit(path, "main", {"a/b": b"x" * 3000})
    if bare:
        subprocess.run(["git", "clone", "-q", "--bare", str(path), str(tmp_path / "b")], check=True)
        path = tmp_path / "b"
    with Repository(path) as repository:
        found = snapshot(repository, "main")
        assert found.files["a/b"].read() == b"x" * 3000
    assert found.commit == oid
    digest = found.files["a/b"].object_id
    assert digest is not None
    assert digest.algorithm == f"git-{object_format}"
    assert len(digest.hex) == (40 if object_format == "sha1" else 64)


def test_related_histories_are_told_from_unrelated_ones(repo: Path) -> None:
    main = repos.git(repo, "rev-parse", "main")
    repos.commit(repo, "child", {"a": b"1"}, (main,))
    with Repository(repo) as repository:
        assert repository.resolve("main", "other").related is False
        assert repository.resolve("main", "child").related is True
        assert repository.resolve("main", "main").related is True
        assert repository.resolve("main", "child").commits == (main, repos.git(repo, "rev-parse", "child"))


def test_an_annotated_tag_means_its_commit(repo: Path) -> None:
    repos.git(repo, "tag", "-a", "v1", "-m", "v1", "main")
    with Repository(repo) as repository:
        assert repository.resolve("v1").commits == (repos.git(repo, "rev-parse", "main"),)
        assert repository.resolve("v1", "other").related is False


def test_a_shallow_clone_does_not_claim_unrelated_histories(tmp_path: Path) -> None:
    path = repos.init(tmp_path / "r")
    first = repos.commit(path, "main", {"a": b"1"})
    repos.commit(path, "main", {"a": b"2"}, (first,))
    repos.commit(path, "side", {"a": b"3"}, (first,))
    url = path.resolve().as_uri()
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", "--no-single-branch", url, str(tmp_path / "s")], check=True
    )
    with Repository(tmp_path / "s") as repository:
        resolved = repository.resolve("main", "origin/side")
    assert resolved.shallow
    assert resolved.related is None


def test_a_worktree_shares_the_object_store(repo: Path, tmp_path: Path) -> None:
    data = b"weights" * 400
    repos.commit(repo, "lfs", {"w.bin": repos.pointer(data)})
    repos.store(repo / ".git" / "lfs" / "objects", data)
    repos.git(repo, "worktree", "add", "-q", "--no-checkout", str(tmp_path / "wt"), "lfs")
    with Repository(tmp_path / "wt") as repository:
        assert snapshot(repository, "lfs").files["w.bin"].read() == data


def test_links_and_submodules_are_shown_and_never_followed(repo: Path) -> None:
    repos.git(repo, "read-tree", "--empty")
    target = repos.git(repo, "hash-object", "-w", "--stdin", stdin=b"/etc/passwd")
    repos.git(repo, "update-index", "--add", "--cacheinfo", f"120000,{target},adapter_config.json")
    head = repos.git(repo, "rev-parse", "main")
    repos.git(repo, "update-index", "--add", "--cacheinfo", f"160000,{head},module")
    repos.seal(repo, "linked")
    with Repository(repo) as repository:
        files = snapshot(repository, "linked").files
    assert files["adapter_config.json"].kind is FileKind.SYMLINK
    assert files["module"].kind is FileKind.SUBMODULE
    with pytest.raises(CannotRead, match="symlink, which is shown but never followed"):
        files["adapter_config.json"].read()


def test_a_pointer_without_its_object_is_unfetched_with_oid_and_size(repo: Path) -> None:
    data = b"w" * 5000
    repos.commit(repo, "lfs", {"w.bin": repos.pointer(data)})
    with Repository(repo) as repository:
        blob = snapshot(repository, "lfs").files["w.bin"]
        assert blob.size == 5000
        assert blob.lfs is not None
        with pytest.raises(CannotRead, match=r"5,000 bytes\) is in Git LFS and was not fetched") as caught:
            blob.read()
    assert caught.value.state == "unfetched"


@pytest.mark.parametrize("layout", ["nested", "flat"])
def test_lfs_content_comes_from_a_store_and_is_hashed_first(repo: Path, tmp_path: Path, layout: str) -> None:
    data = b"weights" * 1000
    repos.commit(repo, "lfs", {"w.bin": repos.pointer(data)})
    path = repos.store(tmp_path / "store", data)
    if layout == "flat":
        path.rename(tmp_path / "store" / path.name)
    with Repository(repo, [tmp_path / "store"]) as repository:
        assert snapshot(repository, "lfs").files["w.bin"].read() == data


def test_an_object_with_other_bytes_is_not_believed(repo: Path, tmp_path: Path) -> None:
    data = b"weights" * 1000
    repos.commit(repo, "lfs", {"w.bin": repos.pointer(data)})
    path = repos.store(tmp_path / "store", data)
    path.write_bytes(b"W" + data[1:])
    with Repository(repo, [tmp_path / "store"]) as repository:
        blob = snapshot(repository, "lfs").files["w.bin"]
        with pytest.raises(CannotRead, match="hashes to sha256") as caught:
            blob.read()
        assert caught.value.state == "mismatch"
        path.write_bytes(data[:-1])
    promise = "has 6,999 bytes and its pointer promises 7,000"
    with Repository(repo, [tmp_path / "store"]) as repository, pytest.raises(CannotRead, match=promise):
        snapshot(repository, "lfs").files["w.bin"].read()


def test_an_unknown_ref_names_itself_and_the_known_ones(repo: Path) -> None:
    with Repository(repo) as repository, pytest.raises(UsageError) as caught:
        repository.resolve("main", "caost")
    assert caught.value.message == "'caost' is not a branch, tag or commit of the repository r"
    assert caught.value.hint == "known refs: main, other"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("ref", ["--all", "main..other", "", "  "])
def test_options_and_ranges_are_not_refs(repo: Path, ref: str) -> None:
    with Repository(repo) as repository, pytest.raises(UsageError, match="is not a ref"):
        repository.resolve(ref)


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    with Repository(tmp_path) as repository, pytest.raises(UsageError, match="is not a git repository"):
        repository.resolve("main")


def test_an_empty_repository(tmp_path: Path) -> None:
    path = repos.init(tmp_path / "r")
    with Repository(path) as repository, pytest.raises(UsageError) as caught:
        repository.resolve("HEAD")
    assert caught.value.hint == "the repository has no commits yet"


def test_nothing_is_written_to_the_repository(repo: Path) -> None:
    def state() -> dict[str, bytes]:
        return {str(p.relative_to(repo)): p.read_bytes() for p in sorted(repo.rglob("*")) if p.is_file()}

    before = state()
    with Repository(repo) as repository:
        resolved = repository.resolve("main", "other")
        for ref, commit in zip(("main", "other"), resolved.commits, strict=True):
            for blob in repository.snapshot(ref, commit, resolved).files.values():
                blob.read()
    assert state() == before


def test_two_refs_take_three_git_processes(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    real = subprocess.Popen.__init__

    def counting(self: object, *args: object, **kwargs: object) -> None:
        started.append(args)
        real(self, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", counting)
    with Repository(repo) as repository:
        resolved = repository.resolve("main", "other")
        for ref, commit in zip(("main", "other"), resolved.commits, strict=True):
            for blob in repository.snapshot(ref, commit, resolved).files.values():
                blob.read()
    assert len(started) == 3


def test_a_missing_object_is_unfetched_not_a_crash(repo: Path) -> None:
    oid = repos.git(repo, "rev-parse", "main:sub/dir/a.json")
    (repo / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    with Repository(repo) as repository:
        blob = snapshot(repository, "main").files["sub/dir/a.json"]
        with pytest.raises(CannotRead, match="is not in this repository"):
            blob.read()


def test_a_tree_that_contains_itself_many_times_is_cut(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.sources._tree.ENTRY_LIMIT", 1000)
    blob = repos.git(repo, "hash-object", "-w", "--stdin", stdin=b"x")
    tree = repos.git(repo, "mktree", stdin="".join(f"100644 blob {blob}\tf{i}\n" for i in range(10)).encode())
    for _ in range(5):
        tree = repos.git(
            repo, "mktree", stdin="".join(f"040000 tree {tree}\td{i}\n" for i in range(10)).encode()
        )
    made = repos.git(repo, "commit-tree", tree, "-m", "bomb")
    repos.git(repo, "update-ref", "refs/heads/bomb", made)
    with Repository(repo) as repository:
        found = snapshot(repository, "bomb")
    assert len(found.files) <= 1000
    assert found.notes


def loose(repo: Path, kind: str, data: bytes) -> str:
    """Write a loose object by hand, valid or not (git, Documentation/gitformat-loose)."""
    raw = f"{kind} {len(data)}\0".encode() + data
    oid = hashlib.sha1(raw).hexdigest()
    path = repo / ".git" / "objects" / oid[:2] / oid[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(raw))
    return oid


def committed(repo: Path, tree: str) -> str:
    person = "a <a@b> 0 +0000"
    text = f"tree {tree}\nauthor {person}\ncommitter {person}\n\nx\n"
    return loose(repo, "commit", text.encode())


def seen(repo: Path, commit: str) -> Snapshot:
    with Repository(repo) as repository:
        return repository.snapshot("x", commit, repository.resolve(commit))


def test_two_names_that_are_no_utf_8_stay_two_files(repo: Path) -> None:
    blob = bytes.fromhex(loose(repo, "blob", b"x"))
    tree = b"".join(b"100644 " + name + b"\0" + blob for name in (b"x\xfe.pt", b"x\xff.pt"))
    snapshot = seen(repo, committed(repo, loose(repo, "tree", tree)))
    assert list(snapshot.files) == ["x\\xfe.pt", "x\\xff.pt"]
    assert snapshot.notes == ()


def test_a_path_that_is_named_twice_is_told(repo: Path) -> None:
    blob = bytes.fromhex(loose(repo, "blob", b"x"))
    tree = (b"100644 x.pt\0" + blob) * 2
    notes = seen(repo, committed(repo, loose(repo, "tree", tree))).notes
    assert notes == ("the tree of x names 1 paths twice; one of each was read",)


@pytest.mark.parametrize(
    "tree", [b"zz9 name\0" + b"\1" * 20, b"100644 cut\0short", b"hello", b"-1 n\0" + b"\1" * 20]
)
def test_a_malformed_tree_is_a_sentence_and_never_an_empty_list(repo: Path, tree: bytes) -> None:
    commit = committed(repo, loose(repo, "tree", tree))
    with pytest.raises(IncompleteError, match="the tree of x cannot be listed: a tree object is malformed"):
        seen(repo, commit)


def test_a_missing_tree_is_a_sentence(repo: Path) -> None:
    with pytest.raises(IncompleteError, match="is not in this repository"):
        seen(repo, committed(repo, "1" * 40))


def test_the_repositorys_own_config_cannot_allow_a_protocol(repo: Path, tmp_path: Path) -> None:
    """A promisor remote ``ext::COMMAND`` runs on a missing object unless the environment forbids it (git < 2.45)."""
    mark = tmp_path / "mark"
    for key, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "o",
        "protocol.ext.allow": "always",
        "remote.o.url": f"ext::touch {mark}",
        "remote.o.promisor": "true",
    }.items():
        subprocess.run(["git", "-C", str(repo), "config", key, value], check=True)
    environment = {k: v for k, v in _cat_file.environment().items() if k != "GIT_NO_LAZY_FETCH"}
    subprocess.run(
        _cat_file.command(repo, "cat-file", "blob", "1" * 40), env=environment, capture_output=True
    )
    assert not mark.exists()


def test_a_git_that_hangs_is_ended(repo: Path) -> None:
    fifo = repo / "fifo"
    os.mkfifo(fifo)
    subprocess.run(["git", "-C", str(repo), "config", "include.path", str(fifo)], check=True)
    with pytest.raises(IncompleteError, match=r"git rev-parse gave no answer in 0\.5 seconds"):
        _cat_file.run(repo, "rev-parse", "HEAD", timeout=0.5)


def test_a_large_object_is_unpacked_once_into_a_file_that_goes_with_the_repository(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers open a weight file for every tensor, and git would unpack the whole of it each time."""
    content = bytes(range(256)) * 40
    repos.commit(repo, "main", {"big.bin": content, "small.bin": b"abc"})
    monkeypatch.setattr(_cat_file, "_SPOOLED", 5000)
    monkeypatch.setattr(_cat_file, "_PIECE", 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    asked: list[str] = []
    ask = _cat_file.ObjectDatabase._ask

    def counted(self: _cat_file.ObjectDatabase, mode: str, objects: Sequence[str]) -> IO[bytes]:
        asked.append(mode)
        return ask(self, mode, objects)

    with Repository(repo) as repository:
        blob = snapshot(repository, "main").files["big.bin"]
        monkeypatch.setattr(_cat_file.ObjectDatabase, "_ask", counted)
        for _ in range(3):
            with blob.open() as stream:
                stream.seek(1000)
                assert stream.read(5) == content[1000:1005]
        assert blob.read() == content
        assert asked == ["--batch"]
        assert snapshot(repository, "main").files["small.bin"].read() == b"abc"
        assert list(tmp_path.glob("audit-objects-*/*"))
    assert not list(tmp_path.glob("audit-objects-*"))


@pytest.mark.parametrize("full", [True, False])
def test_without_room_for_the_file_the_object_is_read_into_memory(
    repo: Path, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    content = bytes(range(256)) * 40
    repos.commit(repo, "main", {"big.bin": content, "other.bin": content[::-1], "README.md": b"hello"})
    monkeypatch.setattr(_cat_file, "_SPOOLED", 5000)
    if full:
        monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    else:
        monkeypatch.setattr(_cat_file, "_MOST_SPOOLED", 100)
    with Repository(repo) as repository:
        files = snapshot(repository, "main").files
        assert files["big.bin"].read() == content
        assert files["other.bin"].read() == content[::-1]
        assert files["README.md"].read()


def test_a_large_object_that_is_not_there_is_unfetched(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cat_file, "_SPOOLED", 5000)
    with Repository(repo) as repository, pytest.raises(CannotRead) as caught:
        repository.database.open("0" * 40, 6000)
    assert caught.value.state == "unfetched"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_disk_that_fills_up_loses_nothing_of_the_next_answer(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(range(256)) * 400
    repos.commit(repo, "main", {"big.bin": content, "other.bin": content[::-1], "README.md": b"hello"})
    monkeypatch.setattr(_cat_file, "_SPOOLED", 5000)
    with Repository(repo) as repository:
        files = snapshot(repository, "main").files
        scratch = tempfile.TemporaryDirectory(dir=tmp_path)
        monkeypatch.setattr(repository.database, "_scratch", scratch)
        assert files["big.bin"].object_id is not None
        (Path(scratch.name) / files["big.bin"].object_id.hex).symlink_to("/dev/full")
        assert files["big.bin"].read() == content
        assert files["other.bin"].read() == content[::-1]
        assert files["big.bin"].read() == content
