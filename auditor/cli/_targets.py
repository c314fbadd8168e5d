"""What a user pointed at -> an open repository or snapshot."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import UsageError
from auditor.model import Snapshot
from auditor.sources import bundle, directory
from auditor.sources.git import Repository

_REDIRECTS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")


@dataclass(frozen=True, slots=True)
class Opened:
    """The snapshots a command works on; ``related`` speaks of two, ``repository`` is a name without a path."""

    snapshots: tuple[Snapshot, ...]
    related: bool | None
    repository: str


@contextmanager
def refs(names: Sequence[str], repo: Path | None, lfs_stores: Sequence[Path]) -> Iterator[Opened]:
    """Open one or two refs of a repository, a bare one, or a bundle. Raises UsageError."""
    _stores(lfs_stores)
    with _repository(repo, tuple(lfs_stores)) as repository:
        resolved = repository.resolve(*names)
        snapshots = tuple(
            repository.snapshot(name, commit, resolved)
            for name, commit in zip(names, resolved.commits, strict=True)
        )
        yield Opened(snapshots, resolved.related, repository.name)


@contextmanager
def target(name: str, repo: Path | None, lfs_stores: Sequence[Path]) -> Iterator[Opened]:
    """Open what TARGET means: a ref when --repo is given, else a bundle, a folder, a file, or a ref."""
    path = Path(name)
    if not name.strip():
        raise UsageError("TARGET is empty", "give a ref, a folder, a .bundle or one file")
    there = _exists(path)
    _stores(lfs_stores)
    if repo is None and bundle.is_bundle(path):
        _forget_redirects()
        with bundle.repository(path, tuple(lfs_stores)) as repository:
            ref = _only_ref(repository)
            resolved = repository.resolve(ref)
            snapshot = repository.snapshot(ref, resolved.commits[0], resolved)
            yield Opened((snapshot,), None, repository.name)
    elif repo is None and there:
        yield Opened(
            (directory.snapshot(path, tuple(lfs_stores), path.resolve().name),), None, path.resolve().name
        )
    elif repo is None and name.startswith(("/", "./", "../", "~")):
        raise UsageError(f"{name} does not exist", "give a ref, a folder, a .bundle or one file")
    else:
        with refs([name], repo, lfs_stores) as opened:
            yield opened


def _forget_redirects() -> None:
    for name in _REDIRECTS:
        os.environ.pop(name, None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        short = str(path) if len(str(path)) <= 80 else f"{str(path)[:80]}..."
        raise UsageError(f"{short} cannot be looked at: {error.strerror}", "give another path") from error


def _stores(folders: Sequence[Path]) -> None:
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"--lfs-store {folder} is no folder", "give a folder of Git LFS objects")


def _only_ref(repository: Repository) -> str:
    names = repository.branches()
    if len(names) == 1:
        return names[0]
    raise UsageError(
        f"the bundle holds {len(names)} branches: {', '.join(names)}",
        f"say which: {names[-1] if names else 'REF'} --repo BUNDLE",
    )


@contextmanager
def _repository(repo: Path | None, lfs_stores: tuple[Path, ...]) -> Iterator[Repository]:
    if repo is not None:
        # An explicit --repo wins over what a hook's environment points at; without one, that is the repository.
        _forget_redirects()
        if not _exists(repo):
            raise UsageError(
                f"{repo} does not exist", "give --repo a repository, a bare repository or a .bundle"
            )
    path = repo or Path.cwd()
    if bundle.is_bundle(path):
        with bundle.repository(path, lfs_stores) as opened:
            yield opened
    elif path.is_dir():
        with Repository(path, lfs_stores) as opened:
            yield opened
    else:
        raise UsageError(
            f"{path} is neither a repository nor a git bundle", "give --repo a folder or a .bundle"
        )
