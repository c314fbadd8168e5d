"""The report as one self-contained page: no script, no request, readable without CSS and on a phone."""

from pathlib import Path
from typing import TYPE_CHECKING

from auditor.model import Report, Severity, Status
from auditor.report import _text as text
from auditor.report import _view as view
from auditor.report._charts import HEIGHT, WIDTH, charts
from auditor.report._facts import list_difference
from auditor.report._heatmap import CELL, heat_maps
from auditor.report._ledger_table import ledger_table

if TYPE_CHECKING:
    from markupsafe import Markup

SUFFIX = ".html"
LIMITS = {
    "findings": 300,
    "files": 400,
    "modules": 300,
    "claims": 300,
    "stated": 12,
    "reasons": 100,
    "unread": 100,
}
"""Most rows of each kind on the page; the JSON report has all."""

_TEMPLATES = Path(__file__).parent / "html"


def render(report: Report, *, colour: bool = False, width: int = 80) -> str:
    """The page; its security policy forbids everything but its own style."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_shown,
        keep_trailing_newline=True,
    )
    environment.globals.update(_words())
    page = environment.get_template("page.html.j2")
    return page.render(
        report=report,
        style=(_TEMPLATES / "style.css").read_text(encoding="utf-8"),
        charts=charts(report),
        ledgers=[ledger_table(run, LIMITS["stated"]) for run in report.runs],
        adapters=[(run, item, heat_maps(item)) for run, item in view.all_adapters(report)],
        changes=view.changed(report.diff.files) if report.diff else [],
        anchors=_anchors(report),
    )


def _shown(value: object) -> object:
    """Control characters of the audited repository as visible escapes; the template's own markup as it is."""
    from markupsafe import Markup

    return (
        text.visible(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value
    )


def _prose(sentence: str, limit: int = 1500) -> "Markup":
    """A sentence with what stood in backticks as code."""
    from markupsafe import Markup

    cut = text.visible(text.shorten(sentence, limit), keep="\n")
    parts = (Markup("<code>{}</code>" if ticked else "{}").format(part) for ticked, part in text.prose(cut))
    return Markup("").join(parts)


def _words() -> dict[str, object]:
    return {
        "view": view,
        "text": text,
        "prose": _prose,
        "list_difference": list_difference,
        "limits": LIMITS,
        "severities": tuple(reversed(Severity)),
        "statuses": view.STATUS_ORDER,
        "contradicted": Status.CONTRADICTED,
        "chart_size": (WIDTH, HEIGHT),
        "cell": CELL,
    }


def _anchors(report: Report) -> dict[int, str]:
    """Anchor of each finding by its position in `view.live`: the rule's name, numbered from the second on."""
    seen: dict[str, int] = {}
    anchors: dict[int, str] = {}
    for position, finding in enumerate(view.live(report)):
        count = seen[finding.rule] = seen.get(finding.rule, 0) + 1
        anchors[position] = finding.rule if count == 1 else f"{finding.rule}-{count}"
    return anchors
