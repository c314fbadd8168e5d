"""An inspection as one self-contained page: no script, no request, readable without CSS and on a phone."""

from collections.abc import Iterable

from auditor import __version__
from auditor.model import ModuleUpdate, Unread
from auditor.model.inspection import Inspection, InspectionComparison
from auditor.report._facts import list_difference
from auditor.report._page import environment, style
from auditor.report._text import one_line, shorten
from auditor.report.inspect import _shapes as shapes
from auditor.report.inspect import _words as words
from auditor.report.inspect._sections import LIMITS, section
from auditor.report.inspect._view import PLAIN, View

SUFFIX = ".html"
_SIDE_CELLS = 4000


def render(found: Inspection | InspectionComparison, view: View = PLAIN) -> str:
    """The page; its security policy forbids everything but its own style. What is cut is counted on it."""
    made = environment(limits=LIMITS, list_difference=list_difference, words=words, version=__version__)
    paint = style("style.css", "inspection.css")
    if isinstance(found, Inspection):
        return made.get_template("inspection.html.j2").render(
            found=found,
            style=paint,
            sections=_sections(found),
            unread=_unread(found.unread),
            title=_title(found),
        )
    apart = sorted(found.comparison.modules, key=_nearness)
    return made.get_template("inspection_side.html.j2").render(
        found=found,
        style=paint,
        heats=shapes.distances(found.comparison, _SIDE_CELLS),
        apart=apart,
        tensors=[t for t in found.tensors if t.why is not None or t.differing],
        unread=_unread(found.unread),
    )


def _title(found: Inspection) -> str:
    if not found.runs:
        return words.nothing(found)
    if len(found.runs) > 1:
        return f"{len(found.runs):,} runs, adapters or sets of training files."
    return words.sentence(found.runs[0])


def _sections(found: Inspection) -> list[object]:
    runs = found.runs[: LIMITS["runs"]]
    alone = len(found.runs) == 1
    return [
        section(run, "" if alone else f"run-{number}-", len(runs)) for number, run in enumerate(runs, start=1)
    ]


def _nearness(module: ModuleUpdate) -> tuple[float, str]:
    return -module.relative_distance, module.module


Group = tuple[str, str, list[str]]


def _unread(items: Iterable[Unread]) -> list[Group]:
    """(state, reason, paths), one for each reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for item in items:
        reasons.setdefault((item.state, words.without_size(item.reason)), []).append(one_line(item.path))
    return [
        (state, reason, [shorten(path, 300) for path in paths]) for (state, reason), paths in reasons.items()
    ]
