"""Starts the training child in a process group of its own, follows its events, and ends the whole group."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

from auditor.errors import IncompleteError
from auditor.rerun.failure import failure
from auditor.rerun.followed import Followed, event_of
from auditor.rerun.options import Progress

COMMAND = (sys.executable, str(Path(__file__).with_name("child")))
"""By path, so that it runs from a checkout and in an environment without auditor."""
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
LINE_LIMIT = 1 << 20
"""Longest event line read, in bytes; the child's own are under a kilobyte."""
_POLL = 0.5
LINGER = 30.0
"""Seconds a child may take to exit after it closed its stdout."""


AGAIN = "run the same command again"


class EndedEarlyError(IncompleteError):
    """The user or the clock ended the rerun; nothing went wrong with the training."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


class Child:
    """One training process that stays warm: its libraries and its base model serve order after order.

    Use it as a context manager, which ends the whole process group however the block is left. ``stopped`` is asked
    every half second whether to end early.
    """

    def __init__(
        self,
        scratch: Path,
        *,
        environment: Mapping[str, str],
        threads: int,
        command: Sequence[str] = COMMAND,
        debug: bool = False,
        stopped: Callable[[], bool] = never,
    ) -> None:
        self._scratch, self._environment, self._threads = scratch, environment, threads
        self._command, self._debug, self._stopped = command, debug, stopped
        self._errors = scratch / "stderr.txt"
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._orders = 0

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            if self._process.stdin is not None:
                with suppress(OSError):
                    self._process.stdin.close()
            with terminated_as_interrupt():  # a second SIGTERM must not end this process before it has killed
                end_group(self._process)

    def train(
        self,
        jobs: Sequence[Mapping[str, object]],
        followed: Followed,
        progress: Progress,
        timeout: float | None = None,
        *,
        last: bool = False,
    ) -> None:
        """Train jobs, starting the process with the first order; ``last`` lets it exit afterwards.

        ``timeout`` is in seconds. Raises IncompleteError when the child was interrupted, timed out, died, or said
        that it could not go on; what it wrote until then stays in its folders.
        """
        order = self._order(jobs)
        followed.idle, followed.error = False, None
        with terminated_as_interrupt():
            try:
                process = self._begin(order, last)
                _follow(process, self._lines, followed, progress, timeout, self._stopped)
                code = None if followed.idle and not last else _code(process)
            except KeyboardInterrupt:
                raise EndedEarlyError(f"the rerun was interrupted {followed.where}", AGAIN) from None
        if code or followed.error is not None or (code is None and not followed.idle):
            raise failure(code or 0, followed, self._errors, self._debug)

    def _order(self, jobs: Sequence[Mapping[str, object]]) -> Path:
        name = "JOB.json" if not self._orders else f"JOB-{self._orders}.json"
        self._orders += 1
        text = json.dumps({"version": 1, "threads": self._threads, "jobs": list(jobs)})
        (self._scratch / name).write_text(text, encoding="utf-8")
        return self._scratch / name

    def _begin(self, order: Path, last: bool) -> subprocess.Popen[bytes]:
        """Start the process with its first order, or hand the next one to it."""
        if self._process is None:
            with self._errors.open("wb") as stderr:
                self._process = _start(
                    [*self._command, str(order)], self._environment, stderr, self._scratch, warm=not last
                )
            threading.Thread(target=_pump, args=(self._process.stdout, self._lines), daemon=True).start()
            return self._process
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.write(f"{order}\n".encode())
                self._process.stdin.flush()
                if last:
                    self._process.stdin.close()
        return self._process


def run_child(
    jobs: Sequence[Mapping[str, object]],
    scratch: Path,
    *,
    environment: Mapping[str, str],
    threads: int,
    steps: int,
    before: int = 0,
    progress: Progress,
    timeout: float | None = None,
    command: Sequence[str] = COMMAND,
    debug: bool = False,
) -> Followed:
    """Train all jobs in one child, which exits afterwards, and return what it told.

    ``steps`` counts the optimizer steps of the whole experiment, ``before`` those of earlier children. Raises as
    `Child.train` does.
    """
    followed = Followed(steps, step=before)
    with Child(scratch, environment=environment, threads=threads, command=command, debug=debug) as child:
        child.train(jobs, followed, progress, timeout, last=True)
    return followed


def _start(
    command: Sequence[str],
    environment: Mapping[str, str],
    stderr: IO[bytes],
    scratch: Path,
    *,
    warm: bool,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE if warm else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=dict(environment),
            cwd=scratch,
            start_new_session=True,
        )
    except OSError as error:
        raise IncompleteError(f"the training process could not be started: {error.strerror}") from error


def _follow(
    child: subprocess.Popen[bytes],
    lines: "queue.Queue[bytes | None]",
    followed: Followed,
    progress: Progress,
    timeout: float | None,
    stopped: Callable[[], bool],
) -> None:
    """Read events until the child waits for orders or closes its stdout. Raises IncompleteError when time is up."""
    end = None if timeout is None else time.monotonic() + timeout
    while not followed.idle:
        now = time.monotonic()
        if stopped():
            raise EndedEarlyError(f"the rerun was interrupted {followed.where}", AGAIN)
        if end is not None and now >= end:
            raise EndedEarlyError(
                f"the rerun did not finish in {timeout:,.0f} seconds; it was ended {followed.where}",
                "give more time, or fewer steps with --steps",
            )
        try:
            line = lines.get(timeout=_POLL if end is None else min(_POLL, max(end - now, 0.01)))
        except queue.Empty:
            if child.poll() is not None and lines.empty():
                return
            continue
        if line is None:
            return
        if followed.take(event_of(line), time.monotonic()):
            progress(followed.step, followed.total, followed.loss, followed.eta(time.monotonic()))


def _pump(stream: IO[bytes] | None, lines: "queue.Queue[bytes | None]") -> None:
    """Hand lines over until the stream ends, then close it; a line without end is cut to bound memory."""
    if stream is not None:
        with stream:
            while line := stream.readline(LINE_LIMIT):
                lines.put(line)
    lines.put(None)


def end_group(child: subprocess.Popen[bytes]) -> None:
    """End the child and everything it started: SIGTERM, and SIGKILL after the grace time.

    A second Ctrl-C cuts the grace time short and still kills.
    """
    _signal(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    try:
        while time.monotonic() < deadline and _alive(child):
            time.sleep(0.02)
    finally:
        _signal(child.pid, signal.SIGKILL)
        child.wait()


def _code(child: subprocess.Popen[bytes]) -> int:
    """The exit code of a child that has closed its stdout; one that lingers is killed."""
    try:
        return child.wait(timeout=LINGER)
    except subprocess.TimeoutExpired:
        end_group(child)
        return child.wait()


def _alive(child: subprocess.Popen[bytes]) -> bool:
    """Whether the child or any process of its group lives (the child itself is reaped on the way)."""
    if child.poll() is None:
        return True
    try:
        os.killpg(child.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


@contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Let SIGTERM (a cancelled CI job) end the child as Ctrl-C does; only the main thread can ask for it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
