"""The report as one self-contained page: no script, no request, readable without CSS and on a phone."""

from auditor.model import Report, Severity, Status
from auditor.report import _reasons, _rerun_words
from auditor.report import _view as view
from auditor.report._charts import HEIGHT, WIDTH, charts
from auditor.report._facts import list_difference
from auditor.report._heatmap import CELL, heat_maps
from auditor.report._ledger_table import ledger_table
from auditor.report._next import next_step
from auditor.report._page import environment, style

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


def render(report: Report, *, colour: bool = False, width: int = 80, detail: bool = False) -> str:
    """The page; its security policy forbids everything but its own style."""
    page = environment(**_words()).get_template("page.html.j2")
    return page.render(
        report=report,
        next_step=next_step(report),
        style=style("style.css"),
        charts=charts(report),
        ledgers=[ledger_table(run, LIMITS["stated"]) for run in report.runs],
        adapters=[(run, item, heat_maps(item)) for run, item in view.all_adapters(report)],
        changes=view.changed(report.diff.files) if report.diff else [],
        anchors=_anchors(report),
    )


def _words() -> dict[str, object]:
    return {
        "rerun_words": _rerun_words,
        "view": view,
        "reasons": _reasons,
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
