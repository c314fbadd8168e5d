"""Starts the training child in a process group of its own, follows its events, and ends the whole group."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from auditor.errors import AuditError, IncompleteError
from auditor.rerun.options import Progress

COMMAND = (sys.executable, str(Path(__file__).with_name("child")))
"""By path, so that it runs from a checkout and in an environment without auditor."""
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
LINE_LIMIT = 1 << 20
"""Longest event line read, in bytes; the child's own are under a kilobyte."""
TAIL = 12
"""Lines of the child's stderr shown with debug."""
_FULL_DISK = ("[Errno 28]", "No space left on device", "os error 28")
_POLL = 0.5
LINGER = 30.0
"""Seconds a child may take to exit after it closed its stdout."""


class EndedEarlyError(IncompleteError):
    """The user or the clock ended the rerun; nothing went wrong with the training."""


@dataclass(slots=True)
class Followed:
    """What the child has told so far; ``finished`` names complete jobs, ``step`` counts over all children."""

    total: int
    finished: list[str] = field(default_factory=list)
    loaded: dict[str, Mapping[str, object]] = field(default_factory=dict)
    step: int = 0
    job_step: int = 0
    loss: float | None = None
    error: str | None = None
    first_step: float | None = None
    first_count: int = 0

    def take(self, event: Mapping[str, object], now: float) -> bool:
        """Note one event; True when a step was made."""
        kind, job = event.get("event"), event.get("job")
        if kind == "error":
            self.error = str(event.get("message", ""))[:500]
        elif kind == "loaded" and isinstance(job, str):
            self.loaded[job] = event
        elif kind == "done" and isinstance(job, str):
            self.finished.append(job)
        elif kind == "step":
            return self._stepped(event, now)
        return False

    def _stepped(self, event: Mapping[str, object], now: float) -> bool:
        self.step += 1
        step, loss = event.get("step"), event.get("loss")
        self.job_step = step if isinstance(step, int) else self.job_step
        if isinstance(loss, int | float):
            self.loss = float(loss)
        if self.first_step is None:
            self.first_step, self.first_count = now, self.step
        return True

    def eta(self, now: float) -> float | None:
        """Seconds left by the pace since the first step; None before the second."""
        made = self.step - self.first_count
        if self.first_step is None or made < 1:
            return None
        return (now - self.first_step) / made * max(0, self.total - self.step)


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
    """Train all jobs in one child and return what it told.

    ``steps`` counts the optimizer steps of the whole experiment, ``before`` those of earlier children; ``timeout``
    is in seconds. Raises
    IncompleteError when the child was interrupted, timed out, died, or said that it could not go on; what it
    wrote until then stays in ``scratch``.
    """
    order, errors = scratch / "JOB.json", scratch / "stderr.txt"
    order.write_text(json.dumps({"version": 1, "threads": threads, "jobs": list(jobs)}), encoding="utf-8")
    followed = Followed(steps, step=before)
    with errors.open("wb") as stderr, _terminated_as_interrupt():
        child = _start([*command, str(order)], environment, stderr, scratch)
        try:
            _follow(child, followed, progress, timeout)
            code = _code(child)
        except KeyboardInterrupt:
            raise EndedEarlyError(
                f"the rerun was interrupted {_where(followed)}", "run the same command again"
            ) from None
        finally:
            end_group(child)
    if code != 0 or followed.error is not None:
        raise _failure(code, followed, errors, debug)
    return followed


def _start(
    command: Sequence[str], environment: Mapping[str, str], stderr: IO[bytes], scratch: Path
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=dict(environment),
            cwd=scratch,
            start_new_session=True,
        )
    except OSError as error:
        raise IncompleteError(f"the training process could not be started: {error.strerror}") from error


def _follow(
    child: subprocess.Popen[bytes], followed: Followed, progress: Progress, timeout: float | None
) -> None:
    """Read events until the child closes its stdout. Raises IncompleteError when the time is up."""
    end = None if timeout is None else time.monotonic() + timeout
    lines: queue.Queue[bytes | None] = queue.Queue()
    threading.Thread(target=_pump, args=(child.stdout, lines), daemon=True).start()
    while True:
        now = time.monotonic()
        if end is not None and now >= end:
            raise EndedEarlyError(
                f"the rerun did not finish in {timeout:,.0f} seconds; it was ended {_where(followed)}",
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
        if followed.take(_event(line), time.monotonic()):
            progress(followed.step, followed.total, followed.loss, followed.eta(time.monotonic()))


def _pump(stream: IO[bytes] | None, lines: "queue.Queue[bytes | None]") -> None:
    """Hand lines over until the stream ends, then close it; a line without end is cut to bound memory."""
    if stream is not None:
        with stream:
            while line := stream.readline(LINE_LIMIT):
                lines.put(line)
    lines.put(None)


def _event(line: bytes) -> Mapping[str, object]:
    """One event; anything else on stdout is a library's chatter and means nothing."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


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
def _terminated_as_interrupt() -> Iterator[None]:
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


def _where(followed: Followed) -> str:
    if not followed.step:
        return "before its first step"
    return f"after {followed.step} of {followed.total} steps"


def _failure(code: int, followed: Followed, errors: Path, debug: bool) -> AuditError:
    tail = _tail(errors)
    shown = ("\n" + "\n".join(tail[-TAIL:])) if debug and tail else ""
    if any(mark in text for mark in _FULL_DISK for text in (*tail, followed.error or "")):
        return IncompleteError(
            f"the disk was full; training stopped {_where(followed)}{shown}",
            "free some space, or set TMPDIR to a larger disk",
        )
    if followed.error:
        return IncompleteError(
            f"training stopped {_where(followed)}: {followed.error}{shown}", _advice(debug)
        )
    if code < 0:
        hint = "it may have run out of memory" if code == -signal.SIGKILL else _advice(debug)
        return IncompleteError(
            f"the training process was killed by {_name(-code)} {_where(followed)}{shown}", hint
        )
    return IncompleteError(
        f"the training process ended with code {code} {_where(followed)}{shown}", _advice(debug)
    )


def _advice(debug: bool) -> str:
    return "" if debug else "run again with --debug to see what it printed"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _tail(path: Path, limit: int = 64 * 1024) -> list[str]:
    """The last lines of a file, read from its last 64 KiB."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - limit))
            return stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
