"""An inspection on 80 columns: what it is, its modules by layer, curves, steps, states, and what was not looked at."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from auditor.model.inspection import Inspection, RunInspection
from auditor.report._ansi import Paint
from auditor.report._text import listing, one_line, plural, shorten, wrapped
from auditor.report.inspect import _modules, _states, _steps
from auditor.report.inspect import _words as words
from auditor.report.inspect._facts import adapter_facts, origin, run_facts
from auditor.report.inspect._lines import title
from auditor.report.inspect._spark import ascii_only
from auditor.report.inspect._view import PLAIN, View

if TYPE_CHECKING:
    from auditor.model.inspection import InspectionComparison

SUFFIX = ".txt"
_RUNS_SHOWN = 6
_RUNS_LISTED = 40
_UNREAD_SHOWN = 10


def render(found: "Inspection | InspectionComparison", view: View = PLAIN) -> str:
    """Lines of at most ``width`` columns (60 at least); without escapes when colour is off."""
    paint, columns = Paint(view.colour), max(view.width, 60)
    if isinstance(found, Inspection):
        blocks = _blocks(found, paint, columns)
    else:
        from auditor.report.inspect import _side

        blocks = _side.blocks(found, paint, columns, view.tensors)
    text = "\n\n".join("\n".join(lines) for lines in map(list, blocks) if lines) + "\n"
    return ascii_only(text) if view.ascii else text


def _blocks(found: Inspection, paint: Paint, width: int) -> Iterator[Iterator[str]]:
    yield _head(found, paint, width)
    for run in found.runs[:_RUNS_SHOWN]:
        yield from _run(run, found, paint, width)
    yield _more_runs(found, paint, width)
    yield _not_looked_at(found, paint, width)


def _head(found: Inspection, paint: Paint, width: int) -> Iterator[str]:
    commit = f"  {found.commit[:10]}" if found.commit else ""
    name = shorten(one_line(found.snapshot), width - len(commit))
    yield paint(name, "bold") + paint(commit, "dim")
    if len(found.runs) == 1:
        yield from wrapped(words.sentence(found.runs[0]), width)
    elif found.runs:
        yield from wrapped(f"{plural(len(found.runs), 'run')}, adapter or set of training files.", width)
    else:
        yield from wrapped(words.nothing(found), width)


def _run(run: RunInspection, found: Inspection, paint: Paint, width: int) -> Iterator[Iterator[str]]:
    if len(found.runs) > 1:
        yield _run_head(run, paint, width)
    adapter = run.adapter
    yield iter(()) if adapter is None else adapter_facts(run, adapter, found.numbers, paint, width)
    if adapter is not None:
        yield _modules.table(adapter, paint, width)
    yield _steps.curves(run.curves, paint, width)
    yield _steps.table(run, paint, width)
    yield _states.states(run, paint, width)
    yield origin(run, paint, width)
    yield run_facts(run, paint, width)


def _run_head(run: RunInspection, paint: Paint, width: int) -> Iterator[str]:
    rule = "─" * width
    yield paint(rule, "dim")
    yield paint(shorten(one_line(run.path), width), "bold")
    yield from wrapped(words.sentence(run), width)


def _more_runs(found: Inspection, paint: Paint, width: int) -> Iterator[str]:
    rest = found.runs[_RUNS_SHOWN:]
    if not rest:
        return
    yield title("Further runs", "give TARGET:FOLDER to see one", paint, width)
    for run in rest[:_RUNS_LISTED]:
        yield from wrapped(f"{words.folder(run.path)}: {words.sentence(run)}", width, "  ", "    ")
    if len(rest) > _RUNS_LISTED:
        yield paint(f"  … and {len(rest) - _RUNS_LISTED} more (--format json has all)", "dim")


def _not_looked_at(found: Inspection, paint: Paint, width: int) -> Iterator[str]:
    """What was not read, by reason, and what was not asked for."""
    asked = [] if found.numbers else ["values of tensors: skipped by --no-numbers"]
    if not (found.unread or found.notes or asked):
        return
    yield title("Not looked at", "", paint, width)
    for note in (*found.notes, *asked):
        yield from wrapped(note, width, "  ○ ", "    ")
    reasons: dict[tuple[str, str], list[str]] = {}
    for item in found.unread:
        reasons.setdefault((item.state, words.without_size(item.reason)), []).append(item.path)
    for (state, reason), paths in list(reasons.items())[:_UNREAD_SHOWN]:
        names = listing((one_line(shorten(path, 200)) for path in paths), 4)
        yield from wrapped(f"{names}: {reason} ({state})", width, "  ○ ", "    ")
    if len(reasons) > _UNREAD_SHOWN:
        yield paint(f"  … and {len(reasons) - _UNREAD_SHOWN} more reasons (--format json has all)", "dim")
