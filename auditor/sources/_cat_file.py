"""git's object database through ``cat-file --batch`` and ``--batch-check``: one process each, however many objects."""

import io
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, Self

from auditor.errors import AuditError, CannotRead, IncompleteError, UsageError

# A hostile or half-fetched repository must start no hook, no lazy fetch, no prompt, and no replacement object.
_FLAGS = ("--no-replace-objects", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never")
_TIMEOUT = 30.0
"""Seconds: a config that includes a FIFO, or one in place of objects/info/alternates, holds git up for ever."""
_KEPT = 96 * 1024 * 1024
"""Bytes of large objects kept: each rule opens a file again, and git would unpack it anew each time."""
_SPOOLED = 32 * 1024 * 1024
"""Objects from this size on are unpacked into a temporary file: readers open a file anew for every tensor."""
_MOST_SPOOLED = 16 * 1024**3
"""Bytes of temporary files; objects beyond them are unpacked for every reader, as if there were none."""
_PIECE = 1024 * 1024
_BATCH = 128
"""Requests written before the answers are read: 128 x 65 bytes stay inside every platform's pipe buffer."""


def environment() -> dict[str, str]:
    """The environment git runs in: no network, no locks, no prompt, messages in English."""
    return {
        **os.environ,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        # Git before 2.45 does not know the line above, and the audited repository's own protocol.ext.allow would
        # win over protocol.allow=never: a promisor remote "ext::COMMAND" then runs. This list wins over both.
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def command(repository: Path, *arguments: str) -> list[str]:
    """A git command line on a repository."""
    return ["git", "-C", str(repository), *_FLAGS, *arguments]


def run(
    repository: Path, *arguments: str, timeout: float | None = _TIMEOUT
) -> "subprocess.CompletedProcess[bytes]":
    """Run one plumbing command. Raises UsageError when git is not installed, IncompleteError when it hangs."""
    try:
        return subprocess.run(
            command(repository, *arguments),
            capture_output=True,
            env=environment(),
            stdin=subprocess.DEVNULL,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        raise IncompleteError(
            f"git {arguments[0]} gave no answer in {timeout:g} seconds",
            "look at the repository's .git/config and objects/info/alternates",
        ) from error
    except FileNotFoundError as error:
        raise UsageError("git is not installed", "install git 2.20 or newer and run again") from error


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """Type (blob, tree, commit, tag) and size in bytes of an object."""

    kind: str
    size: int


class ObjectDatabase:
    """Reads objects of one repository. Use as a context manager: it ends its processes."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._contents: dict[str, bytes] = {}
        self._recent: dict[str, bytes] = {}
        self._files: dict[str, Path] = {}
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._room = _MOST_SPOOLED

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; safe to call twice."""
        for process in self._processes.values():
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
            process.wait()
        self._processes.clear()
        self._files.clear()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def info(self, objects: Sequence[str]) -> Mapping[str, ObjectInfo]:
        """Type and size of many objects; missing ones are left out."""
        found: dict[str, ObjectInfo] = {}
        for start in range(0, len(objects), _BATCH):
            part = objects[start : start + _BATCH]
            output = self._ask("--batch-check", part)
            for oid in part:
                kind, size = _header(output.readline(), oid)
                if kind != "missing":
                    found[oid] = ObjectInfo(kind, size)
        return found

    def preload(self, objects: Iterable[str]) -> None:
        """Bring many small objects into memory in one exchange."""
        wanted = [oid for oid in dict.fromkeys(objects) if oid not in self._contents]
        for start in range(0, len(wanted), _BATCH):
            # Answers may be larger than a pipe: ask and read one by one inside a batch of written requests.
            part = wanted[start : start + _BATCH]
            output = self._ask("--batch", part)
            for oid in part:
                data = _body(output, oid)
                if data is not None:
                    self._contents[oid] = data

    def read(self, oid: str) -> bytes:
        """The content of an object. Raises CannotRead when the object is not in this repository."""
        if oid in self._contents:
            return self._contents[oid]
        if oid in self._recent:
            return self._keep(oid, self._recent.pop(oid))
        data = _body(self._ask("--batch", (oid,)), oid)
        if data is None:
            raise CannotRead(f"its git object {oid[:12]} is not in this repository", "unfetched")
        return self._keep(oid, data)

    def open(self, oid: str, size: int) -> BinaryIO:
        """An object of ``size`` bytes as a stream; a large one lies in a temporary file until `close`.

        Raises CannotRead when the object is not in this repository.
        """
        if size < _SPOOLED or (oid not in self._files and size > self._room):
            return io.BytesIO(self.read(oid))
        try:
            if oid not in self._files:
                self._files[oid] = self._spool(oid, size)
            return self._files[oid].open("rb")
        except OSError:  # no room for temporary files
            return io.BytesIO(self.read(oid))

    def _spool(self, oid: str, size: int) -> Path:
        """Unpack an object into a file, a piece at a time. Raises OSError and CannotRead."""
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="audit-objects-")
        path = Path(self._scratch.name) / oid
        with path.open("wb") as file:
            output = self._ask("--batch", (oid,))
            kind, left = _header(output.readline(), oid)
            if kind == "missing":
                raise CannotRead(f"its git object {oid[:12]} is not in this repository", "unfetched")
            full: OSError | None = None
            while left:
                data = output.read(min(left, _PIECE))
                if not data:
                    raise IncompleteError("git cat-file ended unexpectedly", "run git fsck on the repository")
                left -= len(data)
                try:
                    file.write(data)
                except (
                    OSError
                ) as error:  # the answer is read to its end all the same: the next one follows it
                    full = full or error
            output.read(1)
            if full is not None:
                raise full
        self._room -= size
        return path

    def _keep(self, oid: str, data: bytes) -> bytes:
        """Remember an object as the one used last, and forget those unused longest beyond the limit."""
        if len(data) <= _KEPT:
            self._recent[oid] = data
            total = sum(map(len, self._recent.values()))
            while total > _KEPT:
                oldest = next(iter(self._recent))
                total -= len(self._recent.pop(oldest))
        return data

    def _ask(self, mode: str, objects: Sequence[str]) -> IO[bytes]:
        process = self._processes.get(mode)
        if process is None:
            process = subprocess.Popen(
                command(self.repository, "cat-file", mode),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
            )
            self._processes[mode] = process
        if process.stdin is None or process.stdout is None:
            raise IncompleteError("git cat-file has no pipes")
        try:
            process.stdin.write(b"".join(oid.encode() + b"\n" for oid in objects))
            process.stdin.flush()
        except OSError as error:
            raise IncompleteError(
                "git cat-file ended unexpectedly", "run git fsck on the repository"
            ) from error
        return process.stdout


def _header(line: bytes, oid: str) -> tuple[str, int]:
    parts = line.split()
    if len(parts) == 3 and parts[2].isdigit():
        return parts[1].decode(), int(parts[2])
    if len(parts) == 2 and parts[1] in (b"missing", b"ambiguous"):
        return "missing", 0
    raise AuditError(f"git cat-file gave no answer for object {oid[:12]}", "run git fsck on the repository")


def _body(output: IO[bytes], oid: str) -> bytes | None:
    kind, size = _header(output.readline(), oid)
    if kind == "missing":
        return None
    data = output.read(size)
    output.read(1)
    return data
