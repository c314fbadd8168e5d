"""The terminal report. Golden files: ``AUDIT_UPDATE_GOLDEN=1 pytest tests/report`` writes them again; read the diff."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from auditor.model import Finding, Location, Report, Severity
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
    assert "… and 960 more (--format json has all)" in text
    assert text.count("✗ some-rule") == 40


def test_a_megabyte_of_message_stays_short() -> None:
    finding = Finding("some-rule", Severity.ERROR, "x" * 1_000_000, Location("a"), observed="y" * 1_000_000)
    assert len(render(replace(reports.healthy(), findings=(finding,)))) < 10_000
