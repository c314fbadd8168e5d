"""Code quality: the documented fields, fingerprints unique."""

import json
from dataclasses import replace

from auditor.model import Finding, Location, Severity
from auditor.report.gitlab import render
from tests.builders import reports


def test_every_issue_has_the_documented_fields_and_a_fingerprint_of_its_own() -> None:
    twin = Finding("r-a", Severity.WARNING, "m", Location("x.json", "/r"))
    other = replace(twin, message="n, another sentence about the same place")
    issues = json.loads(render(replace(reports.healthy(), findings=(twin, other))))
    assert [issue["fingerprint"] for issue in issues] == [twin.fingerprint, f"{twin.fingerprint}-2"]
    assert issues[0] == {
        "description": "/r: m",
        "check_name": "r-a",
        "fingerprint": twin.fingerprint,
        "severity": "major",
        "location": {"path": "x.json", "lines": {"begin": 1}},
    }


def test_a_report_without_findings_is_an_empty_array() -> None:
    assert json.loads(render(replace(reports.healthy(), findings=()))) == []
