"""Small git repositories made with plumbing, for tests of the sources."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_ENV = {
    "GIT_AUTHOR_NAME": "T",
    "GIT_AUTHOR_EMAIL": "t@example.com",
    "GIT_COMMITTER_NAME": "T",
    "GIT_COMMITTER_EMAIL": "t@example.com",
    "GIT_AUTHOR_DATE": "2025-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2025-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def git(path: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """Run git in a folder and return what it printed."""
    done = subprocess.run(
        ["git", "-C", str(path), *arguments],
        check=True,
        capture_output=True,
        input=stdin,
        env={**os.environ, **_ENV},
    )
    return done.stdout.decode().strip()


def init(path: Path, object_format: str = "sha1", bare: bool = False) -> Path:
    """An empty repository with branch ``main``."""
    path.mkdir(parents=True, exist_ok=True)
    git(path, "init", "-q", "-b", "main", f"--object-format={object_format}", *(["--bare"] if bare else []))
    return path


def commit(path: Path, branch: str, files: Mapping[str, bytes], parents: tuple[str, ...] = ()) -> str:
    """A commit holding exactly these files on a branch, a root unless parents are given; no checkout involved."""
    git(path, "read-tree", "--empty")
    for name, data in files.items():
        oid = git(path, "hash-object", "-w", "--stdin", stdin=data)
        git(path, "update-index", "--add", "--cacheinfo", f"100644,{oid},{name}")
    return seal(path, branch, parents)


def seal(path: Path, branch: str, parents: tuple[str, ...] = ()) -> str:
    """Commit what the index holds."""
    tree = git(path, "write-tree")
    chain = [word for parent in parents for word in ("-p", parent)]
    made = git(path, "commit-tree", tree, "-m", branch, *chain)
    git(path, "update-ref", f"refs/heads/{branch}", made)
    return made


def pointer(data: bytes) -> bytes:
    """The LFS pointer of some content."""
    oid = hashlib.sha256(data).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n".encode()


def store(folder: Path, data: bytes) -> Path:
    """Put content into an LFS object store in git-lfs layout; return its path."""
    oid = hashlib.sha256(data).hexdigest()
    path = folder / oid[:2] / oid[2:4] / oid
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
