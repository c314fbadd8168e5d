"""Where a report goes: one audit, many outputs. stdout holds the report and nothing else."""

import importlib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from auditor import discover
from auditor.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from auditor.model import Report
    from auditor.report._ansi import Paint

_NARROW, _WIDE = 60, 120
_WHEN = ("auto", "always", "never")


def renderer(name: str) -> ModuleType:
    """The module that renders a format. Raises UsageError naming the formats there are."""
    known = discover.names("auditor.report")
    if name not in known:
        raise UsageError(f"there is no format {name!r}", f"formats: {', '.join(known)}")
    return importlib.import_module(f"auditor.report.{name}")


def destinations(outputs: Sequence[str]) -> tuple[tuple[ModuleType, Path], ...]:
    """``FORMAT=PATH`` options as renderers and paths. Raises UsageError before any work is done."""
    found: list[tuple[ModuleType, Path]] = []
    for item in outputs:
        name, separator, path = item.partition("=")
        if not separator or not path:
            raise UsageError(f"--output {item!r} is not FORMAT=PATH", "for example --output html=report.html")
        if os.path.isdir(path):  # noqa: PTH112 - Path raises where it may not look
            raise UsageError(
                f"--output {item!r} names a folder", f"name a file in it: {item.rstrip('/')}/audit.{name}"
            )
        found.append((renderer(name), Path(path)))
    return tuple(found)


def chosen(
    format_: str, outputs: Sequence[str], color: str
) -> tuple[ModuleType, tuple[tuple[ModuleType, Path], ...]]:
    """What stdout holds and which files are written. Raises UsageError before any work is done."""
    check_color(color)
    return renderer(format_), destinations(outputs)


def check_color(color: str) -> None:
    """Raises UsageError for an unknown word."""
    if color not in _WHEN:
        raise UsageError(f"--color {color!r} is unknown", f"use {', '.join(_WHEN)}")


def emit(
    report: "Report",
    stdout: ModuleType | None,
    files: Sequence[tuple[ModuleType, Path]],
    color: str,
    detail: bool = False,
) -> None:
    """Write every file, then stdout; ``detail`` leaves less out.

    Raises IncompleteError at the end for what could not be written: no other report is lost for it.
    """
    errors = [
        error for module, path in files if (error := _saved(path, module.render(report, detail=detail)))
    ]
    if stdout is not None:
        colour = wants_colour(color, sys.stdout.isatty())
        text: str = stdout.render(report, colour=colour, width=width(), detail=detail)
        write(text if text.endswith("\n") else text + "\n")
    if errors:
        raise errors[0]


def _saved(path: Path, text: str) -> IncompleteError | None:
    """Write a file; the error when it cannot be, and then no half of it stays."""
    there = os.path.exists(path)  # noqa: PTH110 - Path raises where it may not look
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        if not there and os.path.isfile(path):  # noqa: PTH113
            path.unlink(missing_ok=True)
        return IncompleteError(f"{path} cannot be written: {error.strerror}", "choose another path")
    return None


def write(text: str) -> None:
    """Text to stdout. Raises IncompleteError when it cannot be written; click would end with 1, "findings"."""
    write_pieces((text,))


def write_pieces(pieces: Iterable[str]) -> None:
    """As `write`, piece by piece."""
    try:
        sys.stdout.writelines(pieces)
        sys.stdout.flush()
    except BrokenPipeError as error:
        # The reader (head, less) went away; Python must not complain about stdout once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise IncompleteError(
            "the report was not read to its end", "pipe it into something that reads it"
        ) from error
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise IncompleteError(f"stdout cannot be written: {error.strerror}", "send it elsewhere") from error


def paint(color: str) -> "Paint":
    """What paints text for stdout, or leaves it plain. Raises UsageError for an unknown word."""
    from auditor.report._ansi import Paint

    check_color(color)
    return Paint(wants_colour(color, sys.stdout.isatty()))


def wants_colour(color: str, tty: bool) -> bool:
    """``always`` and ``never`` as said; ``auto`` by NO_COLOR, then FORCE_COLOR, then whether a terminal shows it.

    Both variables count when they hold anything (no-color.org, force-color.org); ``FORCE_COLOR=0`` asks for none.
    """
    if color != "auto":
        return color == "always"
    forced = os.environ.get("FORCE_COLOR")
    if os.environ.get("NO_COLOR") or forced == "0":
        return False
    return bool(forced) or (tty and os.environ.get("TERM") != "dumb")


def width() -> int:
    """Columns to write in: the terminal's, between 60 and 120; 80 where there is none."""
    if not sys.stdout.isatty():
        return 80
    try:
        return min(max(os.get_terminal_size().columns, _NARROW), _WIDE)
    except OSError:
        return 80


def tell(text: str, quiet: bool = False) -> None:
    """One line for people, on stderr."""
    if not quiet:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
