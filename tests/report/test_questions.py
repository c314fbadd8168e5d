"""The list of questions to the author. Its golden file is written as the others are."""

from dataclasses import replace

from auditor.model import Finding, Location, Severity, Status, Verdict
from auditor.report.markdown import BYTE_LIMIT
from auditor.report.questions import render
from tests.builders import reports
from tests.report import hostile
from tests.report.goldens import check


def test_golden() -> None:
    check("rich.questions.md", render(reports.rich()))


def test_nothing_to_ask() -> None:
    text = render(reports.healthy())
    assert "None: nothing was found that needs an answer." in text
    assert "- [ ]" not in text


def test_every_contradicted_value_error_and_warning_is_asked_once() -> None:
    report = reports.rich()
    text = render(report)
    keys = [c.key for run in report.runs for c in run.claims if c.status is Status.CONTRADICTED]
    assert keys
    assert all(text.count(f"- [ ] `{key}`") == 1 for key in keys)
    live = [f for f in report.findings if f.state != "absent" and f.suppressed is None]
    asked = {f.rule for f in live if f.severity is not Severity.NOTE}
    assert all(text.count(f"`{rule}`)") == 1 for rule in asked)
    assert all(f"`{f.rule}`)" not in text for f in live if f.rule not in asked)


def test_a_value_that_a_finding_tells_in_the_same_words_is_asked_once() -> None:
    report = reports.rich()
    claim = next(c for c in report.runs[0].claims if c.status is Status.CONTRADICTED)
    same = Finding("some-rule", Severity.WARNING, claim.why, Location("a.json"), fix="mend it")
    text = render(replace(report, findings=(same,)))
    assert f"- [ ] `{claim.key}`" not in text
    assert "Mend it. (`a.json`; `some-rule`)" in text


def test_places_of_one_rule_are_counted() -> None:
    more = (Location("b"), Location("c"))
    findings = (
        Finding("some-rule", Severity.ERROR, "wrong", Location("a"), also_at=more),
        Finding("some-rule", Severity.ERROR, "wrong too", Location("d")),
    )
    text = render(replace(reports.healthy(), findings=findings))
    assert "- [ ] ✗ wrong. (`a` and 3 more places; `some-rule`)" in text
    assert "wrong too" not in text


def test_the_recipe_that_fits_is_asked_for_and_what_the_rerun_assumed() -> None:
    report = reports.rich()
    assert report.rerun is not None
    nearest = "identical with lora_dropout = 0.0"
    text = render(replace(report, rerun=replace(report.rerun, verdict=Verdict.DIVERGED, nearest=nearest)))
    assert f"Trained again, the committed files are {nearest}: was it that?" in text
    agreed = render(replace(report, rerun=replace(report.rerun, verdict=Verdict.IDENTICAL, nearest=nearest)))
    assert nearest not in agreed


def test_a_flood_stays_within_a_comment() -> None:
    many = tuple(
        Finding(f"rule-{index}", Severity.WARNING, "x`|<" * 10_000, Location("y" * 9999), fix="z`" * 9999)
        for index in range(1000)
    )
    text = render(replace(hostile.report(), findings=many))
    assert len(text.encode()) <= BYTE_LIMIT
    assert text.endswith("_Cut at 60,000 bytes; the report has all._\n")
    short = tuple(replace(finding, message="wrong", fix=None, at=Location("a")) for finding in many)
    text = render(replace(reports.healthy(), findings=short))
    assert "and 940 more rules; the report has them all" in text
