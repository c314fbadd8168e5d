"""How a training child ended, in one sentence and a hint."""

import os
import signal
from pathlib import Path

from auditor.errors import AuditError, IncompleteError
from auditor.rerun.followed import Followed

TAIL = 12
"""Lines of the child's stderr shown with debug."""
FEW = 3
"""Lines shown of a child that crashed."""
_FULL_GPU = ("OutOfMemoryError", "AcceleratorError: CUDA error: out of memory")
_FULL_DISK = ("[Errno 28]", "No space left on device", "os error 28")


def failure(code: int, followed: Followed, errors: Path, debug: bool) -> AuditError:
    """The error for a child that ended with an exit code, or said why it could not go on (code 0 then)."""
    tail = tail_of(errors)
    # A child that says why it stops needs no lines; one that crashed is known by its last ones alone.
    full = any(mark in text for mark in _FULL_DISK for text in (*tail, followed.error or ""))
    lines = TAIL if debug else 0 if followed.error or full else FEW
    shown = "".join(f"\n{line}" for line in tail[-lines:]) if lines else ""
    if full:
        return IncompleteError(
            f"the disk was full; training stopped {followed.where}{shown}",
            "free some space, or set TMPDIR to a larger disk",
        )
    if followed.error and followed.error.startswith(_FULL_GPU):
        return _full_gpu(followed, shown)
    if followed.error:
        return IncompleteError(f"training stopped {followed.where}: {followed.error}{shown}", _advice(debug))
    if code < 0:
        hint = _killed(followed) if code == -signal.SIGKILL else _advice(debug)
        return IncompleteError(
            f"the training process was killed by {_name(-code)} {followed.where}{shown}", hint
        )
    return IncompleteError(
        f"the training process ended with code {code} {followed.where}{shown}", _advice(debug)
    )


def _full_gpu(followed: Followed, shown: str) -> IncompleteError:
    """A batch with longer rows needs more memory than those before it, so the steps before it are a span that fits."""
    also = ", with gradient checkpointing too" if followed.retried else ""
    message = f"the GPU's memory was full{also}; training stopped {followed.where}{shown}"
    if not followed.fitted:
        return IncompleteError(
            message,
            "its first step did not fit, so no span does: give a GPU with more memory, or end what else runs on it",
        )
    return IncompleteError(
        message, f"{followed.fitted}; the rest needs a GPU with more memory, or one that nothing else runs on"
    )


def _killed(followed: Followed) -> str:
    hint = "it may have run out of memory"
    return f"{hint}; {followed.fitted}" if followed.fitted else hint


def _advice(debug: bool) -> str:
    return "" if debug else "run again with --debug to see what it printed"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def tail_of(path: Path, limit: int = 64 * 1024) -> list[str]:
    """The last lines of a file, read from its last 64 KiB."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - limit))
            return stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
