"""JUnit: well-formed, one case for each thing, skips never look like passes."""

from xml.etree import ElementTree

import pytest

from auditor.model import Report
from auditor.report.junit import render
from tests.builders import reports

BUILDERS = (reports.healthy, reports.incomplete, reports.rich)


@pytest.mark.parametrize("build", BUILDERS)
def test_counts_are_those_of_the_cases(build: object) -> None:
    report: Report = build()  # type: ignore[operator]
    (suite,) = ElementTree.fromstring(render(report))
    cases = suite.findall("testcase")
    assert int(suite.get("tests", "-1")) == len(cases)
    assert int(suite.get("failures", "-1")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("skipped", "-1")) == len(suite.findall("testcase/skipped"))
    assert len(suite.findall("testcase/skipped")) >= len(report.not_applicable) + len(report.unread)


def test_only_what_fails_the_audit_is_a_failure() -> None:
    report = reports.rich()
    (suite,) = ElementTree.fromstring(render(report))
    kinds = [failure.get("type") for failure in suite.findall("testcase/failure")]
    live = [f for f in report.findings if f.suppressed is None and f.state != "absent"]
    assert kinds.count("error") == sum(f.severity.word == "error" for f in live)
    assert "warning" not in kinds
