"""The audit of a folder, with and without its base model, as lines for people."""

from pathlib import Path

from auditor.engine.audit import Options, check
from auditor.model import Report, Severity, Status
from auditor.sources import directory


def audited(folder: Path, base: Path | None) -> Report:
    """The report of a folder."""
    return check(directory.snapshot(folder), Options(base=base))


def complaints(report: Report) -> list[str]:
    """Everything in a report that an honest run must not see: warnings, errors, contradictions, unread files."""
    found = [
        f"{one.severity.word} {one.rule} at {one.at}: {one.message}"
        for one in report.findings
        if one.severity >= Severity.WARNING
    ]
    found += [
        f"contradicted {claim.key}: {claim.why}"
        for run in report.runs
        for claim in run.claims
        if claim.status is Status.CONTRADICTED
    ]
    found += [f"unread {one.path}: {one.reason}" for one in report.unread]
    found += [f"note of the report: {text}" for text in report.notes]
    return found + (
        [] if found or not report.exit_code else [f"exit code {report.exit_code}: {report.summary}"]
    )


def judged(folder: Path, base: Path) -> list[str]:
    """The complaints about a folder without and with its base."""
    alone, together = complaints(audited(folder, None)), complaints(audited(folder, base))
    return list(dict.fromkeys([*alone, *(f"with --base: {text}" for text in together if text not in alone)]))
