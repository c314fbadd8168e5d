"""The report for a terminal: the verdict, what speaks against it, then what was seen and not seen."""

from collections.abc import Iterable, Iterator

from auditor.model import Finding, Report, Severity
from auditor.report import _terminal_tables as tables
from auditor.report import _view as view
from auditor.report._ansi import Paint
from auditor.report._text import (
    flowed,
    one_line,
    plural,
    shorten,
    value_text,
    wrapped,
)

SUFFIX = ".txt"
_SHOWN: dict[Severity, int] = {Severity.ERROR: 40, Severity.WARNING: 25, Severity.NOTE: 15}
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_EVIDENCE_SHOWN = 4
_RESOLVED_SHOWN = 8


def render(report: Report, *, colour: bool = False, width: int = 80) -> str:
    """Lines of at most ``width`` columns (60 at least), without any escape when colour is off."""
    paint = Paint(colour)
    columns = max(width, 60)
    sections = (
        _verdict(report, paint, columns),
        _findings(report, paint, columns),
        _settled(report, paint, columns),
        tables.rerun(report, paint, columns),
        tables.ledgers(report, paint, columns),
        tables.adapters(report, paint, columns),
        tables.files(report, paint, columns),
        tables.coverage(report, paint, columns),
        _next_steps(report, paint, columns),
    )
    blocks = ["\n".join(lines) for lines in map(list, sections) if lines]
    return "\n\n".join(blocks) + "\n"


def _verdict(report: Report, paint: Paint, width: int) -> Iterator[str]:
    word = report.verdict.upper()
    sign = view.VERDICT_SIGNS[report.verdict]
    indent = " " * (len(word) + 6)
    lines = wrapped(report.summary, width, indent, indent) or [indent]
    yield paint(f" {sign} {word} ", report.verdict) + "  " + paint(lines[0].strip(), "bold")
    yield from lines[1:]
    yield ""
    yield from wrapped(f"{report.repository}: {view.subject(report)}", width, "  ", "    ")
    for line in wrapped(view.histories(report), width, "  ", "    "):
        yield paint(line, "dim")
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


def _counts(report: Report, paint: Paint, width: int) -> Iterator[str]:
    counts = [plural(len(report.at(severity)), severity.word) for severity in reversed(Severity)]
    claims, files = report.coverage.claims, report.coverage.files
    if sum(claims.values()):
        counts.append(
            f"claims {claims.get('verified', 0)} verified, {claims.get('contradicted', 0)} contradicted"
        )
    counts.append(f"files read {files.get('read', 0)} of {files.get('total', 0)}")
    for line in flowed(counts, " · ", width - 2):
        yield paint("  " + line, "dim")


def _findings(report: Report, paint: Paint, width: int) -> Iterator[str]:
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
        show = _note if severity is Severity.NOTE else _finding
        for finding in group[: _SHOWN[severity]]:
            yield from show(finding, paint, width)
        yield from _more(len(group) - _SHOWN[severity], paint)


def _finding(finding: Finding, paint: Paint, width: int) -> Iterator[str]:
    sign = view.SEVERITY_SIGNS[finding.severity]
    state = f"  {finding.state}" if finding.state else ""
    yield ""
    yield f"  {paint(sign, _COLOURS[finding.severity])} {paint(one_line(finding.rule), 'bold')}" + paint(
        state, "dim"
    )
    for line in wrapped(view.place(finding.at), width, "    ", "    "):
        yield paint(line, "cyan")
    yield from wrapped(finding.message, width, "    ", "    ")
    for label, text in (("expected", finding.expected), ("observed", finding.observed)):
        if text is not None:
            yield from _labelled(label, value_text(text, 400), paint, width)
    for text in finding.evidence[:_EVIDENCE_SHOWN]:
        yield from wrapped(text, width, "    - ", "      ")
    yield from _more(len(finding.evidence) - _EVIDENCE_SHOWN, paint, "    - ")
    if finding.also_at:
        yield from _labelled("also at", _places(finding), paint, width)
    if finding.fix:
        yield from _labelled("fix", finding.fix, paint, width)


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
    sign = paint(view.SEVERITY_SIGNS[finding.severity], _COLOURS[finding.severity])
    yield f"  {sign} " + _rule_and(finding, f"{view.place(finding.at)}: {finding.message}", paint, width - 4)


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
        yield paint(f"{indent}… and {count} more (--format json has all)", "dim")
