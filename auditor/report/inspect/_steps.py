"""Curves and the table over steps."""

from collections.abc import Callable, Iterator, Sequence

from auditor.model.inspection import CurveInspection, RunInspection, StepRow
from auditor.report._ansi import Paint
from auditor.report._text import listing, number, one_line, pad, shorten
from auditor.report.inspect import _words as words
from auditor.report.inspect._lines import fact, row, short, title
from auditor.report.inspect._spark import curve as spark

_CURVES_SHOWN = 8
_ROWS_SHOWN = 24
_CLOCKS = ("_runtime", "_per_second")
"""Endings of tags that time the machine: the JSON has them."""
_WIDE = 78
"""Columns from which a curve's lowest value has room."""
_COLUMNS: Sequence[tuple[str, int, Callable[[StepRow], float | None]]] = (
    ("loss", 7, lambda r: r.loss),
    ("lr", 8, lambda r: r.learning_rate),
    ("grad", 7, lambda r: r.grad_norm),
    ("|ΔW|", 7, lambda r: r.norm),
    ("change", 8, lambda r: r.change),
    ("eff.rank", 8, lambda r: r.effective_rank),
    ("max|B|", 7, lambda r: r.largest_b),
    ("moment", 8, lambda r: r.first_moment),
    ("seed", 5, lambda r: r.seed),
)


def curves(found: Sequence[CurveInspection], paint: Paint, width: int) -> Iterator[str]:
    """Each curve as a line with its first, last and lowest value."""
    told = [item for item in found if not item.tag.endswith(_CLOCKS)]
    several = [item for item in told if len(item.points) > 1]
    if not several:
        return
    shown = several[:_CURVES_SHOWN]
    yield title("Curves", _span(shown), paint, width)
    for item in shown:
        name = shorten(one_line(item.tag), 16)
        figures = f"{number(item.first)} → {number(item.last)}"
        lowest = f"  min {number(item.lowest)}" if width >= _WIDE else ""
        room = width - 60 if lowest else width - 44
        line = spark(item.points, room)
        yield f"  {pad(name, 16)}  {pad(line, room)}  {pad(figures, 22)}{lowest}".rstrip()
    if len(several) > len(shown):
        yield paint(f"  … and {len(several) - len(shown)} more (--format json has all)", "dim")
    once = [f"{one_line(item.tag)} {number(item.last)}" for item in told if len(item.points) == 1]
    if once:
        yield from fact("logged once", listing(once, 6), paint, width)


def _span(found: Sequence[CurveInspection]) -> str:
    first = min(item.points[0][0] for item in found)
    last = max(item.points[-1][0] for item in found)
    most = max(len(item.points) for item in found)
    return f"steps {first:,} to {last:,}, {most:,} points"


def table(run: RunInspection, paint: Paint, width: int) -> Iterator[str]:
    """A row for each checkpoint and for the final adapter; columns that no row fills are left out."""
    rows = run.steps
    if not rows or (len(rows) == 1 and not run.relations):
        return
    columns = [(name, size, get) for name, size, get in _COLUMNS if any(get(r) is not None for r in rows)]
    while columns and 2 + 9 + sum(size + 2 for _, size, _ in columns) > width:
        columns.pop()
    yield title("Steps", "change is the distance to the row above, relative", paint, width)
    widths = (9, *(size for _, size, _ in columns))
    yield paint(row(("step", *(name for name, _, _ in columns)), widths), "dim")
    for item in _shown(rows):
        if item is None:
            yield paint(
                f"  … {len(rows) - _ROWS_SHOWN} rows more (--table steps with --format csv has all)", "dim"
            )
        else:
            yield row((_label(item), *(_cell(name, item, get) for name, _, get in columns)), widths)
    for related in run.relations[-1:]:
        sides = f"{words.folder(related.one)} → {words.folder(related.two)}"
        yield paint(f"  {shorten(sides + ': ' + one_line(related.says), width - 2)}", "dim")


def _shown(rows: Sequence[StepRow]) -> Sequence[StepRow | None]:
    if len(rows) <= _ROWS_SHOWN:
        return rows
    half = _ROWS_SHOWN // 2
    return (*rows[:half], None, *rows[-half:])


def _label(item: StepRow) -> str:
    if item.folder.rpartition("/")[2].startswith("checkpoint-"):
        return "–" if item.step is None else f"{item.step:,}"
    return "final"


def _cell(name: str, item: StepRow, get: Callable[[StepRow], float | None]) -> str:
    if name == "seed":
        return "–" if item.seed is None else str(item.seed)
    if name == "change" and item.relation in ("identical", "not comparable", "equivalent"):
        return {"identical": "0", "equivalent": "~0"}.get(item.relation, "?")
    return short(get(item))
