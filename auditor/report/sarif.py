"""The report as SARIF 2.1.0 (OASIS), for code scanning pages; every URI is relative to the repository."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from auditor.model import Finding, Location, Report, Suppression
from auditor.report._plain import dumps, plain, printable
from auditor.report._reasons import unread_groups
from auditor.report._text import plural, visible
from auditor.report._view import by_severity, fingerprint

SUFFIX = ".sarif"
_NOT_APPLICABLE, _UNREAD, _NOTHING = "not-applicable", "unread", "nothing-checked"
_PATHS_NAMED = 50

Json = Mapping[str, object]


def render(report: Report, *, colour: bool = False, width: int = 80, detail: bool = False) -> str:
    """One SARIF run; what was not checked or not read are notifications of its invocation."""
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [_run(report)],
    }
    return dumps(log)


def _run(report: Report) -> Json:
    findings = by_severity(report.findings)
    rules = sorted({finding.rule for finding in findings})
    refs = "...".join(
        quote(printable(ref.name), safe="") for ref in (report.base, report.head) if ref is not None
    )
    driver: dict[str, object] = {
        "name": "audit",
        "rules": [_rule(rule, report) for rule in rules],
        "notifications": [
            {"id": _NOT_APPLICABLE, "shortDescription": {"text": "A rule could not judge something."}},
            {"id": _UNREAD, "shortDescription": {"text": "A file was not read."}},
            {"id": _NOTHING, "shortDescription": {"text": "There was nothing to check."}},
        ],
    }
    if report.version:
        driver["version"] = report.version
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"audit/{report.kind}/{refs}/"},
        "invocations": [
            {
                "executionSuccessful": report.verdict in ("pass", "fail"),
                "exitCode": report.exit_code,
                "toolExecutionNotifications": list(_notifications(report)),
            }
        ],
        "results": [_result(finding, rules.index(finding.rule)) for finding in findings],
        "columnKind": "unicodeCodePoints",
        "properties": {
            "verdict": report.verdict,
            "summary": _text(report.summary),
            "rulesDigest": report.rules_digest,
            "base": report.base.commit if report.base else None,
            "head": report.head.commit,
        },
    }


def _text(text: str) -> str:
    # SARIF 2.1.0, 3.11.6: brackets before parentheses are a link in any message, and files are quoted in ours.
    return visible(text, keep="\n").replace("](", "] (")


def _rule(rule: str, report: Report) -> Json:
    documentation = _text(report.rules.get(rule, ""))
    short = documentation.partition("\n\n")[0] or rule
    return {
        "id": rule,
        "shortDescription": {"text": short},
        "fullDescription": {"text": short},
        "help": {"text": documentation or f"audit explain {rule}"},
    }


def _result(finding: Finding, index: int) -> Json:
    found: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity.word,
        "message": {"text": _message(finding)},
        "locations": [_location(finding.at, finding.line)],
        "partialFingerprints": {"auditFingerprint/v1": fingerprint(finding)},
        "properties": {
            "expected": plain(finding.expected),
            "observed": plain(finding.observed),
            "evidence": plain(finding.evidence),
            "fix": plain(finding.fix),
        },
    }
    if finding.also_at:
        found["relatedLocations"] = [
            {"id": number, **_location(at)} for number, at in enumerate(finding.also_at, 1)
        ]
    if finding.state is not None:
        found["baselineState"] = finding.state
    if finding.suppressed is not None:
        found["suppressions"] = [_suppression(finding.suppressed)]
    return found


def _message(finding: Finding) -> str:
    values = (("expected", finding.expected), ("observed", finding.observed))
    parts = [f"{label} {text}" for label, text in values if text is not None]
    compared = f" ({', '.join(parts)})" if parts else ""
    return _text(finding.message + compared)


def _location(at: Location, line: int | None = None) -> dict[str, object]:
    physical: dict[str, object] = {
        "artifactLocation": {"uri": quote(printable(at.path) or ".")},
        # GitHub shows no result without a line, of weights and pickles neither.
        "region": {"startLine": line or 1},
    }
    location: dict[str, object] = {"physicalLocation": physical}
    if at.member is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": _text(at.member), "kind": "member"}]
    return location


def _suppression(item: Suppression) -> Json:
    return {
        "kind": "external",
        "justification": _text(f"{item.reason} (until {item.until})" if item.until else item.reason),
    }


def _notifications(report: Report) -> Iterator[Json]:
    if report.verdict == "nothing checked":
        yield {
            "descriptor": {"id": _NOTHING},
            "level": "error",
            "message": {"text": _text(report.summary)},
        }
    items = sorted(report.not_applicable, key=lambda item: (item.rule, item.where, item.reason))
    for item in items:
        where = f" in {item.where}" if item.where else ""
        yield {
            "descriptor": {"id": _NOT_APPLICABLE},
            "level": "note",
            "message": {"text": _text(f"{item.rule} did not judge{where}: {item.reason}")},
        }
    for state, reason, paths in unread_groups(report.unread):
        yield {
            "descriptor": {"id": _UNREAD},
            "level": "warning",
            "message": {"text": _text(f"{plural(len(paths), 'file')} not read ({state}): {reason}")},
            "locations": [_location(Location(path)) for path in paths[:_PATHS_NAMED]],
        }
