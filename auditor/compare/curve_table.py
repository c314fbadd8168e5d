"""Every logged number of a run as one table: log_history of each trainer_state.json, and each event file.

Rows stand as they were written. A step that was logged twice, a series that begins again after a resume, the copy of
the history that every checkpoint keeps: all are rows, told apart by ``source``; `auditor.compare.curves.aligned` makes
one series of them.

Texts are those of somebody else's files. What is not printable in them (line ends, escape sequences, marks of writing
direction, half surrogates) stands as its escape, and they are cut at 1,000 characters, in every form of the table.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from auditor.artifacts._fields import is_number
from auditor.artifacts.event_log import EventLog
from auditor.artifacts.trainer_state import TrainerState
from auditor.errors import UsageError, extra
from auditor.runs import Run

if TYPE_CHECKING:
    import pandas
    import pyarrow

TEXT_LIMIT = 1000
BATCH = 65_536
"""Rows held at once while a parquet file is written."""
COLUMNS = ("run", "source", "tag", "canonical_tag", "step", "epoch", "wall_time", "value")
"""In the order of `CurveRow`'s fields."""
_HINT = extra("tables")
_FORMULA = tuple("=+-@\t\r\n'＝＋－＠")
"""First characters that make spreadsheets calculate a cell (OWASP, CSV Injection), and the guard itself."""


@dataclass(frozen=True, slots=True)
class CurveRow:
    """One logged number.

    ``run`` is the run's name, ``source`` the path of the file, ``tag`` as the file spells it (``loss``,
    ``train/loss``), ``canonical_tag`` in log_history's spelling. ``step`` is None where the file has no whole number
    of 64 bits, ``epoch`` is known of log_history alone, ``wall_time`` (seconds since 1970) of event files alone.
    ``value`` is a float64, so an integer beyond 2**53 loses digits; NaN and inf stand as logged.
    """

    run: str
    source: str
    tag: str
    canonical_tag: str
    step: int | None
    epoch: float | None
    wall_time: float | None
    value: float


def rows_of(run: Run) -> Iterator[CurveRow]:
    """The rows of one run: its own trainer_state.json, its checkpoints' by step, then its event files by path.

    Within a file as written; of an event file tag by tag, in the order in which tags appear. ``step`` and ``epoch`` of
    log_history are columns and no rows. What is no number (texts, lists, true and false, integers beyond 64 bits) is
    left out.
    """
    name = shown(run.name)
    for state in run.all(TrainerState):
        yield from _logged(name, state)
    for log in run.events:
        yield from _events(name, log)


def _logged(run: str, state: TrainerState) -> Iterator[CurveRow]:
    source, names = shown(state.path), _Names()
    for row in state.log_history:
        step, epoch = _step(row.get("step")), _optional(row.get("epoch"))
        for key, value in row.items():
            if key not in ("step", "epoch") and is_number(value):
                tag, canonical = names[key]
                yield CurveRow(run, source, tag, canonical, step, epoch, None, float(value))


def _events(run: str, log: EventLog) -> Iterator[CurveRow]:
    source, names = shown(log.path), _Names()
    for tag, points in log.scalars.items():
        spelled, canonical = names[tag]
        for point in points:
            step = _step(point.step)
            yield CurveRow(run, source, spelled, canonical, step, None, point.wall_time, point.value)


class _Names(dict[str, tuple[str, str]]):
    """Each key with its clean and its canonical spelling, made once."""

    def __missing__(self, key: str) -> tuple[str, str]:
        self[key] = shown(key), shown(canonical(key))
        return self[key]


def canonical(tag: str) -> str:
    """An event file's tag in log_history's spelling: ``train/loss`` is loss, ``eval/loss`` eval_loss.

    The inverse of what TensorBoardCallback does (transformers 5.23.0, integrations/integration_utils.py,
    ``rewrite_logs``); other tags stay as they are.
    """
    kind, slash, rest = tag.partition("/")
    if not slash or not rest or kind not in ("train", "eval", "test"):
        return tag
    return rest if kind == "train" else f"{kind}_{rest}"


def shown(text: str) -> str:
    """A text of somebody else's file with escapes for what is not printable; at most 1,000 characters."""
    clean = text[:TEXT_LIMIT]
    if clean.isprintable():
        return clean
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in clean)[:TEXT_LIMIT]


def _optional(value: object) -> float | None:
    return float(value) if is_number(value) else None


def _step(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    whole = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    return value if whole else None  # type: ignore[return-value]


def _cells(row: CurveRow) -> tuple[object, ...]:
    return (
        *(row.run, row.source, row.tag, row.canonical_tag),
        *(row.step, row.epoch, row.wall_time, row.value),
    )


def to_csv(rows: Iterable[CurveRow], stream: TextIO, *, guard: bool = True) -> int:
    """Write a header and the rows, as they come; returns how many. Open files with ``newline=""``.

    Texts are quoted, numbers are not: floats with the digits that give them back exactly, ``nan``, ``inf`` and
    ``-inf`` as Python and pandas read them, and nothing for what is not known. With ``guard`` a text that a
    spreadsheet would calculate gets an apostrophe in front, as does one that begins with one: taking the apostrophe
    away gives the text back. Without it texts are exact.
    """
    writer = csv.writer(stream, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writerow(COLUMNS)
    guarded = _guarded if guard else str
    count = 0
    for row in rows:
        count += 1
        step, epoch, wall_time, value = row.step, row.epoch, row.wall_time, row.value
        texts = (guarded(row.run), guarded(row.source), guarded(row.tag), guarded(row.canonical_tag))
        writer.writerow((*texts, _spelled(step), _spelled(epoch), _spelled(wall_time), repr(value)))
    return count


def _spelled(number: float | None) -> str:
    return "" if number is None else repr(number)


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def to_dataframe(rows: Iterable[CurveRow]) -> "pandas.DataFrame":
    """The table in pandas: texts, ``step`` as nullable Int64, the other numbers as float64 (NaN where not known).

    Raises UsageError when pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise UsageError("a DataFrame needs pandas, which is not installed", _HINT) from error
    columns = _columns(rows)
    frame = {name: columns[name] for name in COLUMNS[:4]}
    numbers = {name: pandas.array(_known(columns[name]), dtype="float64") for name in COLUMNS[5:]}
    step = pandas.array(columns["step"], dtype="Int64")
    texts = {name: pandas.Series(cells, dtype="str") for name, cells in frame.items()}
    return pandas.DataFrame({**texts, "step": step, **numbers}, columns=list(COLUMNS))


def _known(values: list[Any]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _columns(rows: Iterable[CurveRow]) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    appends = [column.append for column in found.values()]
    for row in rows:
        for append, cell in zip(appends, _cells(row), strict=True):
            append(cell)
    return found


def to_parquet(rows: Iterable[CurveRow], path: Path | str) -> int:
    """Write a parquet file, 65,536 rows at a time; returns how many rows. What is not known is null, NaN is NaN.

    ``step`` is int64, the other numbers float64, texts UTF-8. ``pandas.read_parquet`` gives what `to_dataframe` gives.
    Raises UsageError when pyarrow is not installed, and OSError.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError("a parquet file needs pyarrow, which is not installed", _HINT) from error
    schema = _schema(pyarrow)
    count, taken = 0, iter(rows)
    with pyarrow.parquet.ParquetWriter(str(path), schema) as writer:
        while batch := list(islice(taken, BATCH)):
            count += len(batch)
            columns = _columns(batch)
            writer.write_table(pyarrow.table([columns[name] for name in COLUMNS], schema=schema))
    return count


def _schema(arrow: Any) -> "pyarrow.Schema":
    texts = [(name, arrow.string()) for name in COLUMNS[:4]]
    return arrow.schema([*texts, ("step", arrow.int64()), *((name, arrow.float64()) for name in COLUMNS[5:])])
