"""A weight file held open: bytes at positions, into buffers of the caller, and no word about a file that changes."""

import io
import os
import stat
from collections.abc import Callable
from threading import Lock
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from auditor.errors import CannotRead

CHANGED = "was changed while it was read"


class State(NamedTuple):
    """What tells two states of one plain file apart, from fstat(2); not its inode, which some file systems make up."""

    size: int
    modified: int
    """Nanoseconds."""


def state_of(stream: BinaryIO) -> State | None:
    """The state of the plain file behind a stream; None for bytes in memory."""
    descriptor = _descriptor(stream)
    return None if descriptor is None else _state(os.fstat(descriptor))


class Opened:
    """One open file, for any number of threads. A context manager; raises CannotRead when it cannot be opened.

    ``since`` is the state in which the file's header was read: another one is refused at once.
    """

    def __init__(self, open_stream: Callable[[], BinaryIO], since: State | None = None) -> None:
        try:
            self._stream = open_stream()
        except OSError as error:
            raise CannotRead(f"cannot be opened: {error.strerror}") from error
        self._lock = Lock()
        self._descriptor = _descriptor(self._stream) if hasattr(os, "preadv") else None
        self._state = state_of(self._stream)
        if self._state is not None and since is not None and self._state != since:
            self._stream.close()
            raise CannotRead("was changed after its header was read")
        self.size = self._stream.seek(0, 2) if self._state is None else self._state.size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; reading afterwards is an error of ours."""
        self._stream.close()

    def fill(self, buffer: memoryview, start: int) -> bool:
        """Fill a buffer of bytes from an offset; False when the file ends before. Raises CannotRead."""
        if start + len(buffer) > self.size:
            return False
        try:
            if self._descriptor is not None:
                return _fill(self._descriptor, buffer, start)
            with self._lock:
                self._stream.seek(start)
                return self._stream.readinto(buffer) == len(buffer)  # type: ignore[attr-defined,no-any-return]
        except (OSError, ValueError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "the device reports an error"
            raise CannotRead(f"cannot be read: {reason}") from error

    def verify(self) -> None:
        """Raise CannotRead when the file is no longer what it was when it was opened."""
        if self._state is not None and state_of(self._stream) != self._state:
            raise CannotRead(CHANGED)


def _descriptor(stream: BinaryIO) -> int | None:
    if not isinstance(stream, io.BufferedReader | io.FileIO):
        return None
    try:
        descriptor = stream.fileno()
        return descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    except OSError:
        return None


def _state(status: os.stat_result) -> State:
    return State(status.st_size, status.st_mtime_ns)


def _fill(descriptor: int, buffer: memoryview, start: int) -> bool:
    done = os.preadv(descriptor, [buffer], start)
    while done < len(buffer):
        got = os.preadv(descriptor, [buffer[done:]], start + done)
        if not got:
            return False
        done += got
    return True
