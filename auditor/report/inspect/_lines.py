"""Lines that all blocks are made of: titles, labelled facts, cells of a table."""

from collections.abc import Iterator, Sequence

from auditor.report._ansi import Paint
from auditor.report._text import one_line, pad, shorten, width_of, wrapped

LABEL = 12
"""Columns of a fact's label."""


def title(text: str, rest: str, paint: Paint, width: int) -> str:
    """A block's title, with what it is about beside it."""
    tail = f"  {shorten(one_line(rest), width - len(text) - 2)}" if rest else ""
    return paint(text, "title") + paint(tail, "dim")


def fact(label: str, text: str, paint: Paint, width: int) -> Iterator[str]:
    """``label  text``, the text flowing on under itself."""
    if not text:
        return
    head = f"  {pad(label, LABEL)}"
    lines = wrapped(text, width, head, " " * width_of(head))
    if lines:
        yield paint(head, "dim") + lines[0][len(head) :]
        yield from lines[1:]


def short(value: float | None) -> str:
    """Three significant digits in at most eight columns; a dash for what was not measured."""
    if value is None:
        return "–"
    if value != value:
        return "NaN"
    if not value:
        return "0"
    return f"{value:#.3g}".rstrip(".").replace("inf", "∞")


def row(cells: Sequence[str], widths: Sequence[int], left: int = 1) -> str:
    """Cells in columns: the first ``left`` begin at their left edge, all others end at their right one."""
    made = [
        pad(cell, width) if index < left else " " * max(width - width_of(cell), 0) + cell
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return ("  " + "  ".join(made)).rstrip()
