"""Where an inspection goes: stdout in one format, files in others, progress on stderr."""

import importlib
import io
import os
import re
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from auditor import discover
from auditor.cli import _output
from auditor.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from auditor.engine.inspect import InspectOptions, Looked, Progress
    from auditor.model.inspection import Inspection, InspectionComparison
    from auditor.report.inspect._view import View

_PACKAGE = "auditor.report.inspect"
_PARQUET, _CSV = "parquet", "csv"
_CURVES = "curves"
"""The table of every logged number, which has writers of its own."""
SEEDS = "0..65535"
"""What --recover-seed searches when it is given no range: a few seconds on one core."""
_RANGE = re.compile(r"(\d{1,20})\.\.(\d{1,20})")
_MOST_SEEDS = 2**32
"""torch's generator takes 32 bits of a seed, so that a longer range repeats itself."""
_AFTER = 2.0
"""Seconds of work after which progress is shown."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is written where, decided before any work. ``table`` is the table of csv and parquet."""

    stdout: str
    files: tuple[tuple[str, Path], ...]
    color: str
    table: str
    tensors: bool


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """``--recover-seed`` without a range gets the usual one: typer knows no option whose value may be left out."""
    made: list[str] = []
    for place, word in enumerate(arguments):
        following = arguments[place + 1] if place + 1 < len(arguments) else ""
        bare = word == "--recover-seed" and not _RANGE.fullmatch(following)
        made.append(f"{word}={SEEDS}" if bare else word)
    return made


def seed_range(text: str | None) -> tuple[int, int] | None:
    """FROM..TO as two numbers. Raises UsageError."""
    if text is None:
        return None
    match = _RANGE.fullmatch(text)
    first, last = (int(match[1]), int(match[2])) if match else (1, 0)
    if last < first or last - first >= _MOST_SEEDS:
        raise UsageError(f"--recover-seed {text!r} is no range of seeds", f"for example {SEEDS}")
    return first, last


def refuse_what_means_nothing(options: "InspectOptions", side: bool) -> None:
    """Raises UsageError where a seed or a base is given and nothing would be looked at for it."""
    if side and options.base is not None:
        raise UsageError(
            "--base says which modules one adapter could have", "give one TARGET, or leave --base out"
        )
    if options.seed is None and options.recover is None:
        return
    if side:
        raise UsageError("a seed is tried on one adapter", "give one TARGET")
    if not options.numbers:
        raise UsageError("a seed is tried on the adapter's numbers", "leave --no-numbers out")


def formats() -> tuple[str, ...]:
    """The formats of an inspection as text."""
    return discover.names(_PACKAGE)


def planned(format_: str, output: Sequence[str], color: str, table: str, tensors: bool, side: bool) -> Plan:
    """The plan. Raises UsageError for an unknown format, table or colour, and for missing packages."""
    from auditor.report.inspect._view import SIDE_TABLES, TABLES

    _output.check_color(color)
    known = SIDE_TABLES if side else TABLES
    if table not in known:
        beside = " of two adapters side by side" if side else ""
        raise UsageError(f"there is no table {table!r}{beside}", f"tables: {', '.join(known)}")
    if format_ == _PARQUET:
        raise UsageError("parquet is no text", "write it to a file with --output parquet=FILE")
    files: list[tuple[str, Path]] = []
    for item in output:
        name, separator, path = item.partition("=")
        if not separator or not path:
            raise UsageError(f"--output {item!r} is not FORMAT=PATH", "for example --output csv=modules.csv")
        if name == _PARQUET:
            from auditor.report.inspect._parquet import require

            require()
        else:
            _renderer(name)
        files.append((name, Path(path)))
    _renderer(format_)
    return Plan(format_, tuple(files), color, table, tensors or (side and table == "tensors"))


def _renderer(name: str) -> ModuleType:
    if name not in formats():
        raise UsageError(f"there is no format {name!r} for inspect", f"formats: {', '.join(formats())}")
    return importlib.import_module(f"{_PACKAGE}.{name}")


def emit(found: "Inspection | InspectionComparison", plan: Plan, looked: "Looked | None" = None) -> None:
    """Write every file, then stdout; ``looked`` gives the table of curves. Raises IncompleteError when it cannot."""
    from auditor.report.inspect._view import View

    view = View(table=plan.table, tensors=plan.tensors)
    for name, path in plan.files:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if name == _PARQUET:
                _parquet(found, plan.table, looked, path)
            else:
                with path.open("w", encoding="utf-8") as stream:
                    stream.writelines(_pieces_of(name, found, view, looked))
        except OSError as error:
            raise IncompleteError(
                f"{path} cannot be written: {error.strerror}", "choose another path"
            ) from error
    colour = _output.wants_colour(plan.color, sys.stdout.isatty())
    view = View(colour, _output.width(), not _knows_utf8(), plan.table, plan.tensors)
    _output.write_pieces(_pieces_of(plan.stdout, found, view, looked))


def _pieces_of(
    name: str, found: "Inspection | InspectionComparison", view: "View", looked: "Looked | None"
) -> Iterable[str]:
    """The text in pieces, where a format makes it so."""
    if name == _CSV and view.table == _CURVES and looked is not None:
        from auditor.compare.curve_table import to_csv

        stream = io.StringIO()
        to_csv(looked.logged(), stream)
        return (stream.getvalue(),)
    renderer = _renderer(name)
    pieces: Iterable[str] = renderer.pieces(found, view) if hasattr(renderer, "pieces") else ()
    return pieces or (renderer.render(found, view),)


def _parquet(
    found: "Inspection | InspectionComparison", table: str, looked: "Looked | None", path: Path
) -> None:
    from auditor.compare.curve_table import to_parquet
    from auditor.report.inspect._parquet import write

    if table == _CURVES and looked is not None:
        to_parquet(looked.logged(), path)
    else:
        write(found, table, path)


def _knows_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8" and os.environ.get(
        "TERM"
    ) != "linux"


def progress(quiet: bool) -> "Progress":
    """What shows the progress of work that takes longer than two seconds, on stderr."""
    if quiet:
        return lambda done, total, what: None
    return _Bar() if sys.stderr.isatty() else _Lines()


class _Lines:
    """A line now and then, where there is no terminal."""

    _EVERY = 15.0

    def __init__(self) -> None:
        self.told = time.monotonic()

    def __call__(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if now - self.told >= self._EVERY:
            self.told = now
            sys.stderr.write(_text(done, total, what) + "\n")
            sys.stderr.flush()


class _Bar:
    """A bar on a terminal, which is wiped away at the end."""

    _WIDTH = 24

    def __init__(self) -> None:
        self.begun = self.told = time.monotonic()
        self.shown = False

    def __call__(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if total and done >= total:
            if self.shown:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
            self.shown = False
        elif now - self.begun >= _AFTER and now - self.told >= 0.1:
            self.told, self.shown = now, True
            filled = self._WIDTH * done // total if total else 0
            bar = "#" * filled + "-" * (self._WIDTH - filled)
            sys.stderr.write(f"\r\x1b[K[{bar}] {_text(done, total, what)}")
            sys.stderr.flush()


def _text(done: int, total: int, what: str) -> str:
    """``reading weights, 42 %``."""
    return f"{what}, {100 * done // total} %" if total else what
