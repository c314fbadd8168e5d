"""The report for a terminal: the verdict, what speaks against it, then what was seen and not seen."""

from collections.abc import Iterable, Iterator

from auditor.model import Finding, Report, Severity
from auditor.report import _terminal_ledger as ledger
from auditor.report import _terminal_tables as tables
from auditor.report import _view as view
from auditor.report._ansi import Paint
from auditor.report._next import next_step
from auditor.report._text import (
    flowed,
    one_line,
    plural,
    shorten,
    shorten_middle,
    value_text,
    wrapped,
)

SUFFIX = ".txt"
_SHOWN: dict[Severity, int] = {Severity.ERROR: 40, Severity.WARNING: 25, Severity.NOTE: 15}
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_EVIDENCE_SHOWN = 4
_RESOLVED_SHOWN = 8
_SCREEN = 48
"""Lines of a large terminal; a longer report ends with the verdict too."""


def render(report: Report, *, colour: bool = False, width: int = 80, detail: bool = False) -> str:
    """Lines of at most ``width`` columns (60 at least), without any escape when colour is off.

    ``detail`` (``--verbose``) shows the evidence of warnings, every claim in a row of its own, and every reason for
    not judging; without it those are told in short.
    """
    paint = Paint(colour)
    columns = max(width, 60)
    sections = (
        _verdict(report, paint, columns),
        _findings(report, paint, columns, detail),
        _settled(report, paint, columns),
        tables.rerun(report, paint, columns, detail),
        tables.adapters(report, paint, columns),
        tables.files(report, paint, columns),
        ledger.ledgers(report, paint, columns, detail),
        tables.coverage(report, paint, columns, detail),
        _next_steps(report, paint, columns),
    )
    blocks = ["\n".join(lines) for lines in map(list, sections) if lines]
    lines = "\n\n".join(blocks).split("\n")
    if len(lines) > _SCREEN:
        lines += ["", _ending(report, paint, columns)]
    return "\n".join(lines) + "\n"


def _ending(report: Report, paint: Paint, width: int) -> str:
    """The verdict once more: of a long report a terminal shows the end, and a log is read from there."""
    lead = f" {view.VERDICT_SIGNS[report.verdict]} {report.verdict.upper()} "
    return paint(lead, report.verdict) + "  " + shorten(one_line(report.summary), width - len(lead) - 2)


def _verdict(report: Report, paint: Paint, width: int) -> Iterator[str]:
    word = report.verdict.upper()
    sign = view.VERDICT_SIGNS[report.verdict]
    indent = " " * (len(word) + 6)
    lines = wrapped(report.summary, width, indent, indent) or [indent]
    yield paint(f" {sign} {word} ", report.verdict) + "  " + paint(lines[0].strip(), "bold")
    yield from lines[1:]
    yield ""
    known = ", ".join(filter(None, (view.subject(report), view.histories(report))))
    name = "" if known == report.repository else f": {known}"
    yield from wrapped(report.repository + name, width, "  ", "    ")
    yield from _counts(report, paint, width)
    yield from _answers(report, paint, width)
    for note in report.notes:
        yield from wrapped(note, width, "  note: ", "        ")


_ANSWER_COLOURS = {"yes": "green", "no": "red", "open": "yellow"}


def _answers(report: Report, paint: Paint, width: int) -> Iterator[str]:
    if report.answers:
        yield ""
    for item in report.answers:
        sign, word = view.ANSWER_SIGNS[item.state], view.ANSWER_WORDS[item.state]
        yield (
            paint(f"  {sign} {one_line(item.question)}", "bold")
            + " "
            + paint(word, _ANSWER_COLOURS[item.state])
        )
        yield from wrapped(item.says, width, "    ", "    ")
    if report.answers:
        yield paint("  → What next?", "bold")
        yield from wrapped(next_step(report), width, "    ", "    ")


def _counts(report: Report, paint: Paint, width: int) -> Iterator[str]:
    """What the sentence of the verdict leaves out; the findings are counted there and above their lists."""
    counts: list[str] = []
    claims, files = report.coverage.claims, report.coverage.files
    if sum(claims.values()):
        counts.append(
            f"claims {claims.get('verified', 0)} verified, {claims.get('contradicted', 0)} contradicted"
        )
    counts.append(f"files read {files.get('read', 0)} of {files.get('total', 0)}")
    for line in flowed(counts, " · ", width - 2):
        yield paint("  " + line, "dim")


def _findings(report: Report, paint: Paint, width: int, detail: bool) -> Iterator[str]:
    live = view.live(report)
    if not live:
        yield paint("Findings", "title")
        yield "  none"
        return
    for number, severity in enumerate(reversed(Severity)):
        group = [finding for finding in live if finding.severity is severity]
        if not group:
            continue
        if number and group[0] is not live[0]:
            yield ""
        yield paint(plural(len(group), severity.word).capitalize(), "title")
        most = len(group) if detail else _SHOWN[severity]
        for finding in group[:most]:
            yield from _one(finding, paint, width, detail)
        yield from _more(len(group) - most, paint)
    if not detail and any(f.severity is Severity.WARNING for f in live):
        yield ""
        text = "--verbose shows the evidence of warnings too; audit explain RULE tells more"
        yield from (paint(line, "dim") for line in wrapped(text, width, "  ", "  "))


def _one(finding: Finding, paint: Paint, width: int, detail: bool) -> Iterator[str]:
    """An error whole, a warning without its evidence, a note in a sentence; everything whole where detail is asked."""
    if finding.severity is Severity.NOTE and not detail:
        yield from _note(finding, paint, width)
        return
    sign = view.SEVERITY_SIGNS[finding.severity]
    state = f"  {finding.state}" if finding.state else ""
    yield ""
    yield f"  {paint(sign, _COLOURS[finding.severity])} {paint(one_line(finding.rule), 'bold')}" + paint(
        state, "dim"
    )
    for line in wrapped(view.spot(finding), width, "    ", "    "):
        yield paint(line, "cyan")
    yield from wrapped(finding.message, width, "    ", "    ")
    if finding.severity is Severity.ERROR or detail:
        yield from _evidence(finding, paint, width, detail)
    if finding.also_at:
        yield from _labelled("also at", _places(finding), paint, width)
    if finding.fix:
        yield from _labelled("fix", finding.fix, paint, width)


def _evidence(finding: Finding, paint: Paint, width: int, detail: bool) -> Iterator[str]:
    for label, text in (("expected", finding.expected), ("observed", finding.observed)):
        if text is not None:
            yield from _labelled(label, value_text(text, 400), paint, width)
    most = len(finding.evidence) if detail else _EVIDENCE_SHOWN
    for text in finding.evidence[:most]:
        yield from wrapped(text, width, "    - ", "      ")
    yield from _more(len(finding.evidence) - most, paint, "    - ")


def _places(finding: Finding) -> str:
    first = ", ".join(view.place(at) for at in finding.also_at[:3])
    more = len(finding.also_at) - 3
    return f"{first} and {more} more" if more > 0 else first


def _labelled(label: str, text: str, paint: Paint, width: int) -> Iterator[str]:
    head = f"    {label:<9} "
    lines = wrapped(text, width, head, " " * len(head))
    if lines:
        yield paint(lines[0][: len(head)], "dim") + lines[0][len(head) :]
        yield from lines[1:]


def _note(finding: Finding, paint: Paint, width: int) -> Iterator[str]:
    """Rule, message and file, in as many lines as they need."""
    sign, rule = view.SEVERITY_SIGNS[finding.severity], one_line(finding.rule)
    path = finding.at.path
    where = "" if not path or path == "." or path in finding.message else f" ({shorten_middle(path, 48)})"
    first, *rest = wrapped(f"{rule}: {finding.message}{where}", width, f"  {sign} ", "    ")
    start = f"  {sign} {rule}"
    if first.startswith(start):
        first = f"  {paint(sign, _COLOURS[finding.severity])} {paint(rule, 'bold')}{first[len(start) :]}"
    yield first
    yield from rest


def _rule_and(finding: Finding, text: str, paint: Paint, width: int) -> str:
    """The rule and a text on one line of ``width`` columns."""
    rule = one_line(finding.rule)
    return paint(rule, "bold") + "  " + shorten(one_line(text), max(width - len(rule) - 2, 10))


def _settled(report: Report, paint: Paint, width: int) -> Iterator[str]:
    """What no longer, or by decision, counts: resolved and suppressed findings, one line each."""
    gone = view.resolved(report)
    if gone:
        yield paint(f"Resolved since the base ({len(gone)})", "title")
    for finding in gone[:_RESOLVED_SHOWN]:
        yield "  ✓ " + _rule_and(finding, view.place(finding.at), paint, width - 4)
    yield from _more(len(gone) - _RESOLVED_SHOWN, paint)
    allowed = view.suppressed(report)
    if gone and allowed:
        yield ""
    if allowed:
        yield paint(f"Allowed by policy or baseline ({len(allowed)})", "title")
    for finding in allowed:
        yield "  ~ " + _rule_and(finding, view.place(finding.at), paint, width - 4)
        if finding.suppressed is not None:
            yield from wrapped(view.allowance(finding.suppressed), width, "    ", "    ")


def _next_steps(report: Report, paint: Paint, width: int) -> Iterator[str]:
    hints = view.hints(report)
    if hints:
        yield paint("To look further", "title")
        yield from _bullets(hints, width)


def _bullets(texts: Iterable[str], width: int) -> Iterator[str]:
    for text in texts:
        yield from wrapped(text, width, "  → ", "    ")


def _more(count: int, paint: Paint, indent: str = "  ") -> Iterator[str]:
    if count > 0:
        yield paint(f"{indent}… and {count} more (--verbose shows all)", "dim")
