"""The findings as a GitLab code quality report: an array of issues with stable fingerprints.

Fields as GitLab documents them: description, check_name, fingerprint, severity, location.path, location.lines.begin.
"""

import hashlib
from collections.abc import Iterator, Mapping

from auditor.model import Report, Severity
from auditor.report._plain import dumps, printable
from auditor.report._text import visible
from auditor.report._view import fingerprint, live

SUFFIX = ".gitlab.json"
_UNSETTLED = {"incomplete": "audit-incomplete", "nothing checked": "nothing-checked"}
"""Verdicts that need an issue of their own: an empty array reads as a pass."""
_WORDS = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.NOTE: "info"}


def render(report: Report, *, colour: bool = False, width: int = 80, detail: bool = False) -> str:
    """One issue a finding; two findings of one fingerprint get a number, because GitLab shows only the first."""
    return dumps(list(_issues(report)))


def _issues(report: Report) -> Iterator[Mapping[str, object]]:
    if report.verdict in _UNSETTLED:
        yield {
            "description": visible(report.summary),
            "check_name": _UNSETTLED[report.verdict],
            "fingerprint": hashlib.sha256(_UNSETTLED[report.verdict].encode()).hexdigest(),
            "severity": "major",
            "location": {"path": "README.md", "lines": {"begin": 1}},
        }
    seen: dict[str, int] = {}
    for item in live(report):
        identity = fingerprint(item)
        seen[identity] = seen.get(identity, 0) + 1
        number = f"-{seen[identity]}" if seen[identity] > 1 else ""
        member = f"{item.at.member}: " if item.at.member else ""
        yield {
            "description": visible(f"{member}{item.message}"),
            "check_name": item.rule,
            "fingerprint": identity + number,
            "severity": _WORDS[item.severity],
            "location": {"path": printable(item.at.path) or "README.md", "lines": {"begin": item.line or 1}},
        }
