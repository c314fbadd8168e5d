"""The report as JSON: the promise to programs, kept in schemas/report-v1.schema.json.

Same input, same bytes: no wall clock, no host name, no absolute path unless the report carries a stamp.
"""

from collections.abc import Mapping, Sequence

from auditor.model import (
    Claim,
    FileChange,
    Finding,
    Report,
    RunReport,
    Suppression,
)
from auditor.report import _json_training as training
from auditor.report._plain import dumps, plain, printable, without_machine
from auditor.report._view import by_severity, fingerprint, unowned_adapters, unowned_curves

SUFFIX = ".json"
SCHEMA_VERSION = "1.0"
_COUNTS = {
    "claims": ("verified", "contradicted", "unverifiable", "stated"),
    "files": ("read", "unfetched", "unreadable"),
    "checks": ("ran", "not_applicable", "failed_to_run"),
}


def render(report: Report, *, colour: bool = False, width: int = 80, detail: bool = False) -> str:
    """The report as indented JSON with a final line end; colour and width mean nothing here."""
    return dumps(as_dict(report))


def as_dict(report: Report) -> dict[str, object]:
    """The report in the shape of schema version 1.0."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "audit", "version": report.version, "rules_digest": report.rules_digest},
        "subject": _subject(report),
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "fail_on": report.fail_on,
        "summary": printable(report.summary),
        "answers": [
            {"question": printable(a.question), "answer": a.state, "says": printable(a.says)}
            for a in report.answers
        ],
        "stamp": report.stamp,
        "notes": plain(report.notes),
        "findings": [_finding(finding) for finding in by_severity(report.findings)],
        "rules": plain(report.rules),
        "changes": [_change(item) for item in _by_path(report.diff.files)] if report.diff else [],
        "runs": [_run(run) for run in sorted(report.runs, key=lambda run: run.path)],
        "adapters": [training.adapter(item) for item in unowned_adapters(report)],
        "curves": [training.curve(item) for item in unowned_curves(report)],
        "rerun": training.rerun(report.rerun, report.stamp is not None) if report.rerun else None,
        "coverage": {name: _counts(name, report) for name in _COUNTS},
        "files": _files(report),
        "not_applicable": [
            {"rule": item.rule, "reason": printable(item.reason), "where": printable(item.where)}
            for item in sorted(report.not_applicable, key=lambda item: (item.rule, item.where, item.reason))
        ],
        "unread": [
            {"path": printable(item.path), "reason": printable(item.reason), "state": item.state}
            for item in sorted(report.unread, key=lambda item: (item.path, item.reason))
        ],
    }


def _subject(report: Report) -> Mapping[str, object]:
    repository = report.repository if report.stamp is not None else without_machine(report.repository)
    return {
        "kind": report.kind,
        "repository": printable(repository),
        "base": {"ref": printable(report.base.name), "commit": report.base.commit} if report.base else None,
        "head": {"ref": printable(report.head.name), "commit": report.head.commit},
        "related_histories": report.related_histories,
    }


def _counts(name: str, report: Report) -> Mapping[str, int]:
    given = {
        "claims": report.coverage.claims,
        "files": report.coverage.files,
        "checks": report.coverage.checks,
    }[name]
    counts = {key: given.get(key, 0) for key in _COUNTS[name]}
    others = {key: given[key] for key in sorted(given) if key not in counts and key != "total"}
    return {**counts, **others, "total": given.get("total", sum(counts.values()) + sum(others.values()))}


def _by_path(changes: Sequence[FileChange]) -> list[FileChange]:
    return sorted(changes, key=lambda change: change.path)


def _files(report: Report) -> list[Mapping[str, object]]:
    return [
        {
            "path": printable(row.path),
            "what": row.what,
            "size": row.size,
            "digest": row.digest,
            "state": row.state,
        }
        for row in sorted(report.files, key=lambda row: (row.path, row.what))
    ]


def _finding(finding: Finding) -> Mapping[str, object]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.word,
        "message": printable(finding.message),
        "path": printable(finding.at.path),
        "member": plain(finding.at.member),
        "line": finding.line,
        "expected": plain(finding.expected),
        "observed": plain(finding.observed),
        "state": finding.state,
        "fingerprint": fingerprint(finding),
        "evidence": plain(finding.evidence),
        "fix": plain(finding.fix),
        "suppressed": _suppression(finding.suppressed) if finding.suppressed else None,
        "also_at": [{"path": printable(at.path), "member": plain(at.member)} for at in finding.also_at],
    }


def _suppression(item: Suppression) -> Mapping[str, str]:
    return {
        "rule": item.rule,
        "path": printable(item.path),
        "reason": printable(item.reason),
        "until": item.until,
    }


def _change(change: FileChange) -> Mapping[str, object]:
    return {
        "path": printable(change.path),
        "kind": change.kind,
        "proof": change.proof,
        "note": plain(change.note),
        "facts": [
            {
                "key": printable(fact.key),
                "kind": fact.kind,
                "base": plain(fact.base),
                "head": plain(fact.head),
                "within_tolerance": fact.within_tolerance,
            }
            for fact in sorted(change.facts, key=lambda fact: fact.key)
        ],
    }


def _run(run: RunReport) -> Mapping[str, object]:
    return {
        "path": printable(run.path),
        "platform": plain(run.platform),
        "summary": plain(run.summary),
        "checkpoints": plain(run.checkpoints),
        "claims": [_claim(claim) for claim in sorted(run.claims, key=lambda claim: claim.key)],
        "adapter": training.adapter(run.adapter) if run.adapter else None,
        "curves": [training.curve(curve) for curve in run.curves],
    }


def _claim(claim: Claim) -> Mapping[str, object]:
    return {
        "key": printable(claim.key),
        "status": claim.status.value,
        "why": printable(claim.why),
        "values": [
            {
                "source": printable(item.path),
                "member": printable(item.member),
                "value": plain(item.value),
                "role": item.role,
                "key": printable(item.key),
            }
            for item in claim.statements
        ],
        "evidence": [
            {
                "id": item.id,
                "outcome": item.outcome.value,
                "says": printable(item.says),
                "detail": printable(item.detail),
                "value": plain(item.value),
                "paths": plain(item.paths),
            }
            for item in claim.evidence
        ],
    }
