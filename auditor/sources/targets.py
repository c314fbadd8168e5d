"""What a user pointed at -> an open repository or snapshot.

TARGET is a ref, a folder, a bundle or one file; ``REF:folder``, ``BUNDLE:folder`` and ``FOLDER:folder`` mean a part of
it, where `within` allows that.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.errors import UsageError
from auditor.model import Snapshot, folder_of
from auditor.sources import bundle, directory
from auditor.sources.git import Repository, Resolved

_REDIRECTS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")
_SETTINGS = "adapter_config.json"
_WEIGHTS = frozenset({".safetensors", ".bin", ".pt", ".pth", ".ckpt"})
"""Ends of files that may be an adapter's weights."""
_LISTED = 8


@dataclass(frozen=True, slots=True)
class Opened:
    """The snapshots a command works on; ``related`` speaks of two, ``repository`` is a name without a path."""

    snapshots: tuple[Snapshot, ...]
    related: bool | None
    repository: str


def two(base: str, head: str | None) -> tuple[str, str]:
    """Base and head as named: two refs, ``base..head`` or ``base...head`` as git writes them, or one beside HEAD.

    A ref holds no two dots in a row (git-check-ref-format).
    """
    left, dots, right = base.partition("..")
    if head is None and dots:
        return left or "HEAD", right.removeprefix(".") or "HEAD"
    return base, "HEAD" if head is None else head


@contextmanager
def refs(names: Sequence[str], repo: Path | None, lfs_stores: Sequence[Path]) -> Iterator[Opened]:
    """Open one or two refs of a repository, a bare one, or a bundle. Raises UsageError."""
    _stores(lfs_stores)
    with _repository(repo, tuple(lfs_stores)) as repository:
        names, resolved = _resolved(repository, names)
        snapshots = tuple(
            repository.snapshot(name, commit, resolved)
            for name, commit in zip(names, resolved.commits, strict=True)
        )
        yield Opened(snapshots, resolved.related, repository.name)


def _resolved(repository: Repository, names: Sequence[str]) -> tuple[Sequence[str], Resolved]:
    """The refs, under the names that they have here, and their commits. Raises UsageError."""
    try:
        return names, repository.resolve(*names)
    except UsageError:
        known = repository.of_a_remote(names)
        if tuple(names) == known:
            raise
        return known, repository.resolve(*known)


@contextmanager
def target(name: str, repo: Path | None, lfs_stores: Sequence[Path]) -> Iterator[Opened]:
    """Open what TARGET means: a ref when --repo is given, else a bundle, a folder, a file, or a ref.

    Raises UsageError.
    """
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
    elif repo is None and path.suffix == ".bundle" and path.is_file():
        raise UsageError(f"{name} is no git bundle", "make it again with git bundle create")
    elif repo is None and there:
        yield Opened(
            (directory.snapshot(path, tuple(lfs_stores), path.resolve().name),), None, path.resolve().name
        )
    elif repo is None and name.startswith(("/", "./", "../", "~")):
        raise UsageError(f"{name} does not exist", "give a ref, a folder, a .bundle or one file")
    elif ":" in name and not there:
        raise UsageError(f"{name!r} is a part, and the whole is audited", "audit inspect looks at parts")
    else:
        with ExitStack() as stack:
            try:
                opened = stack.enter_context(refs([name], repo, lfs_stores))
            except UsageError as error:
                raise UsageError(_neither(name, repo, error.message), error.hint) from error
            yield opened


def _neither(name: str, repo: Path | None, message: str) -> str:
    """Where TARGET may be a path too, that it is none is said beside that it is no ref."""
    no_ref = f"{name!r} is not a branch"
    if repo is None and message.startswith(no_ref):
        return message.replace(no_ref, f"{name!r} is neither a file or folder here nor a branch", 1)
    return message


@contextmanager
def within(name: str, repo: Path | None, lfs_stores: Sequence[Path]) -> Iterator[Opened]:
    """Open TARGET, or the part of it that ``TARGET:folder`` names. Raises UsageError when there is no such part.

    A weight file alone is taken with the adapter_config.json beside it, without which its scale is not known.
    """
    whole, part = _split(name, repo)
    with target(whole, repo, lfs_stores) as opened:
        (snapshot,) = opened.snapshots
        if part:
            yield replace(opened, snapshots=(_part(snapshot, part),))
        elif snapshot.kind == "file" and whole == name and repo is None:
            yield replace(opened, snapshots=(_with_settings(Path(name), snapshot, tuple(lfs_stores)),))
        else:
            yield opened


def _split(name: str, repo: Path | None) -> tuple[str, str]:
    """A path that exists is whole whatever it is called; a ref holds no colon (git-check-ref-format)."""
    if ":" not in name or (repo is None and _exists(Path(name))):
        return name, ""
    whole, _, part = name.partition(":")
    if repo is None:
        # A folder's own name may hold a colon: the longest beginning that exists is the target.
        pieces = name.split(":")
        known = (":".join(pieces[:end]) for end in range(len(pieces) - 1, 0, -1))
        whole = next((text for text in known if text and _exists(Path(text))), whole)
        part = name[len(whole) + 1 :]
    return whole or "HEAD", part


def _part(snapshot: Snapshot, part: str) -> Snapshot:
    """The files below a folder, or one file, under their full paths. Raises UsageError."""
    path = part.strip("/")
    path = "" if path == "." else path.removeprefix("./")
    files = {path: snapshot.files[path]} if path in snapshot.files else snapshot.under(path)
    if not files:
        folders = sorted({folder_of(item).partition("/")[0] or "." for item in snapshot.files})
        shown = ", ".join(folders[:_LISTED]) + (" and more" if len(folders) > _LISTED else "")
        raise UsageError(f"{snapshot.name} holds no {part}", f"its folders: {shown}")
    return Snapshot(
        f"{snapshot.name}:{path}" if path else snapshot.name,
        files,
        snapshot.commit,
        snapshot.kind,
        snapshot.shallow,
        snapshot.notes,
        True,
    )


def _with_settings(path: Path, snapshot: Snapshot, lfs_stores: tuple[Path, ...]) -> Snapshot:
    beside = path.parent / _SETTINGS
    if path.suffix.lower() not in _WEIGHTS or not beside.is_file():
        return snapshot
    more = directory.snapshot(beside, lfs_stores, _SETTINGS)
    return replace(snapshot, files={**more.files, **snapshot.files}, cache={})


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
