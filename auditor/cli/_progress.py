"""A rerun's progress on stderr: a bar on a terminal, a line now and then elsewhere, nothing with --quiet."""

import sys
import time
from collections.abc import Callable

Progress = Callable[[int, int, float | None, float | None], None]
_EVERY = 15.0
"""Seconds between two lines where there is no terminal."""


def progress_bar(quiet: bool) -> Progress:
    """A callback for steps done, steps in all, last loss, seconds left."""
    if quiet:
        return lambda step, total, loss, eta: None
    return _Bar() if sys.stderr.isatty() else _Lines()


def text(step: int, total: int, loss: float | None, eta: float | None) -> str:
    """One line: ``rerun 12/54 steps, loss 5.9312, about 0:08 left``."""
    parts = [f"rerun {step}/{total} steps"]
    if loss is not None:
        parts.append(f"loss {loss:.4f}")
    if eta is not None:
        minutes, seconds = divmod(round(eta), 60)
        parts.append(f"about {minutes}:{seconds:02} left")
    return ", ".join(parts)


class _Lines:
    def __init__(self) -> None:
        self.told = time.monotonic()

    def __call__(self, step: int, total: int, loss: float | None, eta: float | None) -> None:
        now = time.monotonic()
        if step and step < total and now - self.told < _EVERY:
            return
        self.told = now
        sys.stderr.write(text(step, total, loss, eta) + "\n")
        sys.stderr.flush()


class _Bar:
    _WIDTH = 24

    def __call__(self, step: int, total: int, loss: float | None, eta: float | None) -> None:
        done = self._WIDTH * step // total if total else 0
        bar = "#" * done + "-" * (self._WIDTH - done)
        end = "\n" if total and step >= total else ""
        sys.stderr.write(f"\r\x1b[K[{bar}] {text(step, total, loss, eta)}{end}")
        sys.stderr.flush()
