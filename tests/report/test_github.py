"""Workflow commands: one line a finding, nothing in a message can start another command."""

from dataclasses import replace

from auditor.model import Finding, Location, Severity
from auditor.report.github import render
from tests.builders import reports


def test_a_line_a_finding_and_one_for_the_verdict() -> None:
    report = replace(
        reports.healthy(),
        findings=(Finding("r-a", Severity.ERROR, "100% wrong\n::error::x", Location("a,b:c.json", "/r")),),
        unread=(),
    )
    first, last = render(report).splitlines()
    assert first == "::error file=a%2Cb%3Ac.json,title=r-a::/r: 100%25 wrong%0A::error::x"
    assert last.startswith("::notice title=audit pass::")


def test_absent_and_suppressed_findings_are_not_announced() -> None:
    gone = Finding("r-b", Severity.ERROR, "m", Location("x"), state="absent")
    assert "r-b" not in render(replace(reports.healthy(), findings=(gone,)))
