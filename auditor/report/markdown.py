"""The report as a pull request comment: verdict and findings open, the rest folded, at most 60,000 bytes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditor.model import (
    AdapterComparison,
    Claim,
    FileChange,
    Finding,
    Report,
    RerunResult,
    RunReport,
    Severity,
)
from auditor.report import _view as view
from auditor.report._facts import fact_text
from auditor.report._markdown_text import code, escaped, marker, prose
from auditor.report._next import next_step
from auditor.report._reasons import reasons, unread_groups
from auditor.report._rerun_words import AspectGroup, grouped
from auditor.report._text import listing, number, plural

SUFFIX = ".md"
BYTE_LIMIT = 60_000
"""Forges store comments in columns of 64 KiB and count bytes, not characters."""

_RESERVED = 700
_FACTS_SHOWN = 4
_OPEN = 8
"""Warnings that stand open; more of them are folded."""
_FINDING_COLUMNS = ("", "Rule", "Where", "What")


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that stand or fall together with as many of the rows as fit."""

    name: str
    opening: tuple[str, ...]
    rows: tuple[str, ...]
    closing: tuple[str, ...] = ()


def render(report: Report, *, colour: bool = False, width: int = 80, detail: bool = False) -> str:
    """GitHub-flavoured Markdown; what does not fit is left out from the end, and said."""
    head = "\n".join(_head(report)) + "\n"
    text, left_out = _fit(_sections(report), BYTE_LIMIT - _RESERVED - len(head.encode()))
    if left_out:
        text += (
            f"\n_Cut at {BYTE_LIMIT:,} bytes; left out: {'; '.join(left_out)}. The JSON report has all._\n"
        )
    return head + text


def _fit(sections: Iterable[Section], room: int) -> tuple[str, list[str]]:
    lines: list[str] = []
    left_out: list[str] = []
    for section in sections:
        frame = _size((*section.opening, *section.closing))
        if frame > room or left_out:
            left_out.append(section.name)
            continue
        room -= frame
        fitting = 0
        for row in section.rows:
            if _size((row,)) > room:
                break
            room -= _size((row,))
            fitting += 1
        lines += [*section.opening, *section.rows[:fitting], *section.closing]
        if fitting < len(section.rows):
            left_out.append(f"{len(section.rows) - fitting} of {len(section.rows)} lines of {section.name}")
    return "".join(line + "\n" for line in lines), left_out


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _head(report: Report) -> list[str]:
    base = report.base.name if report.base else None
    sign = view.VERDICT_SIGNS[report.verdict]
    lines = [
        marker(base, report.head.name),
        f"### {sign} {report.verdict.upper()}: {escaped(report.summary)}",
        "",
        f"{escaped(report.repository)}: {_refs(report)}",
    ]
    if view.histories(report):
        lines[-1] += f" ({view.histories(report)})"
    counts = [plural(len(report.at(severity)), severity.word) for severity in reversed(Severity)]
    claims, files, checks = report.coverage.claims, report.coverage.files, report.coverage.checks
    counts += [
        f"claims: {claims.get('verified', 0)} verified, {claims.get('contradicted', 0)} contradicted",
        f"files: {files.get('read', 0)} of {files.get('total', 0)} read",
        f"checks: {checks.get('ran', 0)} ran, {checks.get('not_applicable', 0)} not applicable",
    ]
    lines += ["", " · ".join(counts)]
    lines += [""] if report.answers else []
    lines += [
        f"- {view.ANSWER_SIGNS[a.state]} **{escaped(a.question)}** {view.ANSWER_WORDS[a.state]}: {escaped(a.says, 400)}"
        for a in report.answers
    ]
    lines += [f"- → **What next?** {prose(next_step(report))}"] if report.answers else []
    lines += [f"\nNote: {escaped(note, 300)}" for note in report.notes[:5]]
    return lines


def _refs(report: Report) -> str:
    texts = [view.ref_text(ref.name, ref.commit) for ref in (report.base, report.head) if ref is not None]
    return " … ".join(map(code, texts))


def _sections(report: Report) -> list[Section]:
    made = [
        *_findings(report),
        _rerun(report.rerun) if report.rerun else None,
        _notes(report),
        _settled(report),
        *(_ledger(run) for run in report.runs),
        _adapters(report),
        _files(report.diff.files if report.diff else ()),
        _coverage(report),
    ]
    return [section for section in made if section is not None and section.rows]


def _details(name: str, title: str, rows: Iterable[str], table: Sequence[str] = ()) -> Section:
    opening = ("", "<details>", f"<summary>{title}</summary>", "", *table)
    return Section(name, opening, tuple(rows), ("", "</details>"))


def _table(*columns: str) -> tuple[str, str]:
    return "| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)


def _findings(report: Report) -> list[Section]:
    """Errors open; warnings too where they are few: a comment that nobody scrolls through is read."""
    errors, warnings = (view.by_severity(report.at(s)) for s in (Severity.ERROR, Severity.WARNING))
    table = _table(*_FINDING_COLUMNS)
    if len(warnings) <= _OPEN:
        grave = [*errors, *warnings]
        return [Section("errors and warnings", ("", *table), tuple(map(_finding_row, grave)))]
    title = plural(len(warnings), "warning")
    return [
        Section("errors", ("", *table), tuple(map(_finding_row, errors))),
        _details("warnings", title, map(_finding_row, warnings), table),
    ]


def _notes(report: Report) -> Section:
    notes = view.by_severity(report.at(Severity.NOTE))
    return _details("notes", plural(len(notes), "note"), map(_finding_row, notes), _table(*_FINDING_COLUMNS))


def _finding_row(finding: Finding) -> str:
    what = [prose(finding.message)]
    values = (("expected", finding.expected), ("observed", finding.observed))
    compared = ", ".join(f"{label} {code(text)}" for label, text in values if text is not None)
    if compared:
        what.append(compared)
    if finding.also_at:
        what.append("also at " + escaped(listing(map(view.place, finding.also_at), 3)))
    if finding.fix:
        what.append("Fix: " + prose(finding.fix))
    rule = code(finding.rule) + (f"<br>{finding.state}" if finding.state else "")
    sign = f"{view.SEVERITY_SIGNS[finding.severity]} {finding.severity.word}"
    return f"| {sign} | {rule} | {_where(finding)} | {'<br>'.join(what)} |"


def _where(finding: Finding) -> str:
    """Path and member below each other: code in a table is not wrapped, and long places squeeze the rest."""
    at = finding.at
    if at.path in ("", ".") or at.member is None:
        return code(view.place(at))
    line = f":{finding.line}" if finding.line else ""
    return f"{code(at.path + line)}<br>{code(at.member)}"


def _rerun(result: RerunResult) -> Section:
    word, run = result.verdict.word, escaped(view.folder(result.run))
    opening = (
        "",
        f"**Rerun of {run}: {view.RERUN_SIGNS[word]} {word}.** {escaped(result.why)}",
        "",
        *_table("Aspect", "Verdict", "Distance", "Floor", "Why"),
    )
    rows = tuple(
        f"| {escaped(item.aspect)} | {view.RERUN_SIGNS[item.verdict.word]} {item.verdict.word} "
        f"| {number(item.distance)} | {number(item.floor)} | {_placed(group)} |"
        for group in grouped(result.aspects)
        for item in (group.shown,)
    )
    closing = [""]
    if result.first_divergence is not None:
        closing.append(f"First divergence: {escaped(view.divergence(result.first_divergence))}.")
    if result.does_not_prove:
        closing.append(f"This does not prove: {escaped('; '.join(result.does_not_prove))}.")
    return Section("the rerun", opening, rows, tuple(closing))


def _placed(group: AspectGroup) -> str:
    return escaped(f"{group.where}: {group.shown.why}" if group.where else group.shown.why)


def _settled(report: Report) -> Section | None:
    gone, allowed = view.resolved(report), view.suppressed(report)
    rows = [f"- ✓ resolved: {code(f.rule)} {code(view.place(f.at))}" for f in gone]
    rows += [
        f"- ~ {code(f.rule)} {code(view.place(f.at))}: allowed {escaped(view.allowance(f.suppressed))}"
        for f in allowed
        if f.suppressed is not None
    ]
    return _details(
        "resolved and allowed", f"{len(gone)} resolved, {len(allowed)} allowed by policy or baseline", rows
    )


def _ledger(run: RunReport) -> Section:
    claims = sorted(run.claims, key=lambda claim: (view.STATUS_ORDER.index(claim.status), claim.key))
    title = f"Hyperparameters of {escaped(view.folder(run.path))}: {view.status_counts(claims)}"
    table = _table("Hyperparameter", "Status", "Values by source", "Evidence")
    return _details("hyperparameters", title, map(_claim_row, claims), table)


def _claim_row(claim: Claim) -> str:
    status = f"{view.STATUS_SIGNS[claim.status]} {claim.status.value}"
    return f"| {code(claim.key)} | {status} | {escaped(view.values_by_source(claim))} | {prose(claim.why)} |"


def _adapters(report: Report) -> Section | None:
    rows = [
        f"| {code(item.base_path)} | {code(item.head_path)} | {item.relation} "
        f"| {number(item.relative_distance)} | {number(item.cosine)} | {escaped(_update_words(item))} |"
        for _, item in view.all_adapters(report)
    ]
    table = _table("Base", "Head", "Relation", "Relative distance", "Cosine", "")
    return _details("adapters", "Effective update of the adapters", rows, table)


def _update_words(item: AdapterComparison) -> str:
    """What the relation's word and the two figures beside it leave out."""
    return "; ".join(filter(None, ("" if item.sentence == item.relation else item.sentence, item.why)))


def _files(changes: Sequence[FileChange]) -> Section | None:
    table = _table("", "File", "What changed")
    single, many = view.folded(view.changed(changes))
    rows = [_change_row(change) for change in single]
    rows += [
        f"| {kind} | {len(group)} files | {escaped(listing(view.folders(group), 20))} |"
        for kind, group in many
    ]
    return _details("files compared", f"Files compared: {view.change_counts(changes)}", rows, table)


def _change_row(change: FileChange) -> str:
    telling = [fact for fact in change.facts if not fact.within_tolerance]
    parts = [escaped(f"{fact.key}: {fact_text(fact, 100)}") for fact in telling[:_FACTS_SHOWN]]
    rest = len(change.facts) - len(parts)
    if rest:
        parts.append(f"… and {rest} more")
    if view.change_note(change):
        parts.insert(0, escaped(view.change_note(change)))
    return f"| {change.kind} | {code(change.path)} | {'<br>'.join(parts)} |"


def _coverage(report: Report) -> Section:
    rows = [
        f"- {plural(len(group.rules), 'rule')}: {escaped(group.reason)} ({escaped(listing(group.rules, 4))})"
        for group in reasons(report.not_applicable)
    ]
    rows += [
        f"- not read ({state}): {escaped(listing(paths, 6))}: {prose(reason)}"
        for state, reason, paths in unread_groups(report.unread)
    ]
    rows += [f"- {escaped(hint)}" for hint in view.hints(report)]
    return _details("coverage", "What was not checked, and why", rows)
