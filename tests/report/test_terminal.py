"""The terminal report. Golden files: ``AUDIT_UPDATE_GOLDEN=1 pytest tests/report`` writes them again; read the diff."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from auditor.model import Control, Finding, Location, Report, Severity, Verdict
from auditor.report._text import width_of
from auditor.report.terminal import render
from tests.builders import reports
from tests.report import hostile
from tests.report.goldens import check

EVERY = {"rich": reports.rich, "healthy": reports.healthy, "incomplete": reports.incomplete}


@pytest.mark.parametrize("name", EVERY)
def test_golden(name: str) -> None:
    check(f"{name}.txt", render(EVERY[name]()))


def test_colours_add_escapes_and_nothing_else() -> None:
    plain, painted = render(reports.rich()), render(reports.rich(), colour=True)
    assert "\x1b" not in plain
    assert "\x1b[1;97;41m ✗ FAIL \x1b[0m" in painted
    assert re.sub(r"\x1b\[[0-9;]+m", "", painted) == plain


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("make", [*EVERY.values(), hostile.report])
def test_no_line_is_wider_than_asked(width: int, make: Callable[[], Report]) -> None:
    assert max(map(width_of, render(make(), width=width).splitlines())) <= width


def test_an_aspect_fits_a_narrow_terminal_without_its_floor() -> None:
    report = reports.rich()
    assert report.rerun is not None
    long = replace(report.rerun.aspects[0], verdict=Verdict.DIVERGED, distance=0.023241, floor=1.385e-07)
    report = replace(report, rerun=replace(report.rerun, aspects=(long,)))
    assert "distance 0.02324 (floor 1.385e-07)" in render(report)
    narrow = render(report, width=60)
    assert "distance 0.02324\n" in narrow
    assert max(map(width_of, narrow.splitlines())) <= 60


def test_a_narrow_terminal_gets_sixty_columns() -> None:
    assert render(reports.rich(), width=20) == render(reports.rich(), width=60)


def test_hostile_text_is_shown_and_never_obeyed() -> None:
    text = render(hostile.report())
    assert "\\x1b[31mred" in text
    assert "\\u202e" in text
    assert "\\x07" in text


def test_findings_worst_first_and_settled_ones_apart() -> None:
    text = render(reports.rich())
    places = [
        text.index(word) for word in ("2 errors\n", "1 warning\n", "1 note\n", "Resolved since the base")
    ]
    assert places == sorted(places)
    assert text.index("event-file-truncated") > text.index("Resolved since the base")
    assert text.index("card-of-another-model") > text.index("Allowed by policy or baseline")


def test_long_lists_are_cut_and_say_so() -> None:
    many = tuple(
        Finding("some-rule", Severity.ERROR, "wrong", Location(f"file-{index}.json")) for index in range(1000)
    )
    text = render(replace(reports.healthy(), findings=many))
    assert "… and 960 more (--verbose shows all)" in text
    assert text.count("✗ some-rule") == 40


def test_detail_leaves_out_neither_findings_nor_evidence_nor_reasons() -> None:
    report = reports.rich()
    warning = next(f for f in report.findings if f.severity is Severity.WARNING and f.observed)
    short, whole = render(report), render(report, detail=True)
    assert str(warning.observed) not in short
    assert f"observed  {warning.observed}" in whole
    assert "? quantization                 int4 (declared)" not in short
    assert "? quantization                 int4 (declared)" in whole
    reason = "no tokenizer_config.json is in the repository"
    assert reason not in short
    assert reason in whole


def test_a_long_report_ends_with_its_verdict_and_a_short_one_does_not() -> None:
    assert render(reports.rich()).splitlines()[-1].startswith(" ✗ FAIL   The declared recipe did not")
    assert render(reports.healthy()).count("PASS") == 1


def test_identical_aspects_beside_others_are_told_in_one_line() -> None:
    text = render(reports.rich())
    told = [line for line in text.splitlines() if line.startswith("  ✓ identical")]
    alike = [a.aspect for a in reports.rich().rerun.aspects if a.verdict.word == "identical"]  # type: ignore[union-attr]
    assert len(told) == (1 if len(set(alike)) > 1 else 0)


def test_a_reading_that_was_tried_is_not_named_again() -> None:
    report = reports.rich()
    assert report.rerun is not None
    says = ("lora_dropout = 0.0: why it may be", "packing = False: no file says")
    tried = Control("lora_dropout = 0.0", "hypothesis", 0.2, 0.3, None)
    rerun = replace(report.rerun, plan=replace(report.rerun.plan, hypotheses=says), controls=(tried,))
    text = render(replace(report, rerun=rerun))
    assert "other reading: packing = False" in text
    assert "why it may be" not in text


def test_a_long_path_breaks_behind_a_slash() -> None:
    at = Location("cheetah.json", "/" + "a" * 40 + "/" + "b" * 50)
    finding = Finding("some-rule", Severity.ERROR, "wrong", at)
    lines = render(replace(reports.healthy(), findings=(finding,))).splitlines()
    assert f"    cheetah.json#/{'a' * 40}/" in lines
    assert f"    {'b' * 50}" in lines


def test_a_megabyte_of_message_stays_short() -> None:
    finding = Finding("some-rule", Severity.ERROR, "x" * 1_000_000, Location("a"), observed="y" * 1_000_000)
    assert len(render(replace(reports.healthy(), findings=(finding,)))) < 10_000
