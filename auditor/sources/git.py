"""A git ref as a Snapshot, by plumbing only: no checkout, no worktree, nothing written to the repository.

Three git processes serve any number of refs: ``rev-parse``, ``cat-file --batch-check``, ``cat-file --batch``.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from auditor.errors import CannotRead, IncompleteError, UsageError
from auditor.model import READ_LIMIT, Blob, Digest, FileKind, Snapshot
from auditor.sources import _cat_file, lfs
from auditor.sources._tree import Entry, oids, walk

_REFS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Resolved:
    """Refs turned into commits; ``related`` is None for one ref, or when a shallow clone cannot tell."""

    commits: tuple[str, ...]
    related: bool | None
    shallow: bool
    object_format: str
    common_dir: Path


class Repository:
    """A repository on disk (bare, shallow, worktree, SHA-1 or SHA-256). Use as a context manager."""

    def __init__(self, path: Path, lfs_stores: Sequence[Path] = (), name: str | None = None) -> None:
        self.path = path
        self.name = name or path.resolve().name
        self._extra_stores = tuple(lfs_stores)
        self.database = _cat_file.ObjectDatabase(path)
        self._store: lfs.ObjectStore | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()

    def resolve(self, *refs: str) -> Resolved:
        """Turn one or two refs into commits and say whether they share history, in one git process.

        Raises UsageError naming the ref that does not exist, or the folder that is no repository.
        """
        for ref in refs:
            if ref.startswith("-") or ".." in ref or not ref.strip():
                raise UsageError(f"{ref!r} is not a ref", "give a branch, tag or commit")
        wanted = "...".join(f"{ref}^{{commit}}" for ref in refs)
        asked = _cat_file.run(
            self.path,
            "rev-parse",
            "--is-shallow-repository",
            "--show-object-format",
            "--git-common-dir",
            wanted,
        )
        if asked.returncode != 0:
            raise self._why_not(refs, asked.stderr.decode(errors="replace"))
        shallow, object_format, common, *rest = asked.stdout.decode(errors="replace").splitlines()
        # For A...B git prints B, A and then ^base for every merge base (builtin/rev-parse.c, try_difference).
        commits = tuple(reversed(rest[: len(refs)]))
        related: bool | None = None
        if len(refs) == 2:
            bases = any(line.startswith("^") for line in rest)
            related = True if bases or commits[0] == commits[1] else None if shallow == "true" else False
        common_dir = Path(os.path.normpath(self.path / common))
        return Resolved(commits, related, shallow == "true", object_format, common_dir)

    def _why_not(self, refs: Sequence[str], stderr: str) -> UsageError:
        if "not a git repository" in stderr:
            return UsageError(
                f"{self.path} is not a git repository",
                "give --repo PATH, or audit a folder with audit check FOLDER",
            )
        if "dubious ownership" in stderr:
            return UsageError(
                f"git refuses {self.path}: it belongs to another user",
                "git config --global --add safe.directory PATH, if you trust the machine's owner",
            )
        for ref in refs:
            if not self._is_commit(ref):
                return UsageError(
                    f"{ref!r} is not a branch, tag or commit of the repository {self.name}",
                    self._known_refs(ref),
                )
        return UsageError(f"git could not resolve {' and '.join(refs)}", stderr.strip().splitlines()[-1:][0])

    def _is_commit(self, ref: str) -> bool:
        asked = _cat_file.run(self.path, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return asked.returncode == 0

    def _known_refs(self, ref: str) -> str:
        """A hint: the ref that was probably meant, and which there are."""
        from difflib import get_close_matches

        known = _cat_file.run(self.path, "for-each-ref", "--format=%(refname:short)", "--count=200")
        names = known.stdout.decode(errors="replace").split()
        if not names:
            return "the repository has no commits yet"
        near = get_close_matches(ref, names, 1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        more = f" and {len(names) - _REFS_SHOWN} more" if len(names) > _REFS_SHOWN else ""
        return f"{meant}known refs: {', '.join(names[:_REFS_SHOWN])}{more}"

    def of_a_remote(self, refs: Sequence[str]) -> tuple[str, ...]:
        """The refs, those that are none here as the one remote branch of that name, as ``git switch`` takes them."""
        told = _cat_file.run(
            self.path, "for-each-ref", "--format=%(refname:lstrip=3) %(refname:short)", "refs/remotes"
        )
        pairs = [line.split(" ") for line in told.stdout.decode(errors="replace").splitlines()]
        found: list[str] = []
        for ref in refs:
            remote = [short for name, short in pairs if name == ref and not self._is_commit(ref)]
            found.append(remote[0] if len(remote) == 1 else ref)
        return tuple(found)

    def branches(self) -> tuple[str, ...]:
        """Branch names, sorted."""
        asked = _cat_file.run(self.path, "for-each-ref", "--format=%(refname:short)", "refs/heads")
        return tuple(asked.stdout.decode(errors="replace").split())

    def snapshot(self, ref: str, commit: str, resolved: Resolved) -> Snapshot:
        """The tree of a commit, with LFS pointers parsed and every content on demand.

        Raises IncompleteError when a tree object is missing or malformed: no list of files, nothing to judge.
        """
        if self._store is None:
            self._store = lfs.ObjectStore(resolved.common_dir / "lfs" / "objects", *self._extra_stores)
        oid_bytes = 32 if resolved.object_format == "sha256" else 20
        try:
            entries, cut = walk(self.database, _tree_of(self.database.read(commit)), oid_bytes)
        except CannotRead as error:
            raise IncompleteError(
                f"the tree of {ref} cannot be listed: {error.reason}",
                "run git fsck, or fetch the whole commit",
            ) from error
        sizes = self.database.info(oids(entries))
        small = [oid for oid, info in sizes.items() if info.size < lfs.POINTER_LIMIT]
        self.database.preload(small)
        blobs = {entry.path: self._blob(entry, sizes, resolved.object_format) for entry in entries}
        notes: list[str] = []
        if cut:
            notes.append(f"the tree of {ref} has too many entries; only the first {len(entries):,} were read")
        if len(blobs) < len(entries):
            notes.append(
                f"the tree of {ref} names {len(entries) - len(blobs)} paths twice; one of each was read"
            )
        return Snapshot(ref, blobs, commit, "git", resolved.shallow, tuple(notes))

    def _blob(self, entry: Entry, sizes: Mapping[str, _cat_file.ObjectInfo], object_format: str) -> Blob:
        digest = Digest(f"git-{object_format}", entry.oid)
        known = sizes.get(entry.oid)
        if entry.kind is not FileKind.FILE:
            return Blob(entry.path, None, _nothing(entry.kind), entry.kind, digest)
        if known is None:
            reason = f"its git object {entry.oid[:12]} is not in this repository (a partial clone?)"
            return Blob(entry.path, None, _nothing(reason), entry.kind, digest, None, reason)
        if known.size < lfs.POINTER_LIMIT:
            pointer = lfs.parse_pointer(self.database.read(entry.oid))
            if pointer is not None:
                return self._behind_pointer(entry, digest, pointer)
        opener = self._opener(entry.oid, known.size)
        return Blob(entry.path, known.size, opener, entry.kind, digest, executable=entry.executable)

    def _behind_pointer(self, entry: Entry, digest: Digest, pointer: lfs.Pointer) -> Blob:
        store = self._store or lfs.ObjectStore()
        absent = None
        if store.path_of(pointer) is None:
            absent = f"its content ({pointer.size:,} bytes) is in Git LFS and was not fetched to this machine"
        return Blob(
            entry.path,
            pointer.size,
            lambda: store.open(pointer),
            entry.kind,
            digest,
            pointer.oid,
            absent,
            executable=entry.executable,
        )

    def _opener(self, oid: str, size: int) -> Callable[[], BinaryIO]:
        def open_object() -> BinaryIO:
            if size > READ_LIMIT * 8:
                raise CannotRead(f"is a git object of {size:,} bytes, too large to read outside Git LFS")
            return self.database.open(oid, size)

        return open_object


def _nothing(reason: str) -> Callable[[], BinaryIO]:
    def refuse() -> BinaryIO:
        raise CannotRead(reason, "unfetched")

    return refuse


def _tree_of(commit: bytes) -> str:
    first = commit.split(b"\n", 1)[0].split()
    if len(first) != 2 or first[0] != b"tree":
        raise UsageError("the commit object is malformed", "run git fsck on the repository")
    return first[1].decode()
