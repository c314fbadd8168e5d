"""Colours of the pages: contrast as WCAG 2.2 computes it (1.4.3 and 1.4.11, AA), light, dark and on paper."""

import re

import pytest

from auditor.report._page import style
from auditor.report.html import render
from tests.builders import reports

SHEET = style("style.css", "inspection.css")
ON = {
    "--ink": ("--page", "--panel", "--soft"),
    "--muted": ("--page", "--panel", "--soft", "--red-soft", "--amber-soft", "--blue-soft"),
    "--red": ("--panel", "--red-soft"),
    "--amber": ("--panel", "--amber-soft"),
    "--green": ("--panel", "--soft", "--green-soft"),
    "--blue": ("--page", "--panel", "--blue-soft"),
}
"""Each colour of text and the grounds it stands on."""
DRAWN = {"--heat": ("--panel",), "--orange": ("--panel",)}
"""Lines and marks of charts: 3 is enough (1.4.11)."""


def named(block: str) -> dict[str, str]:
    return {
        name: "".join(2 * c for c in value) if len(value) == 3 else value
        for name, value in re.findall(r"(--[\w-]+): #([0-9a-f]{3,6});", block)
    }


def luminance(colour: str) -> float:
    """Relative luminance of sRGB, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


LIGHT = named(SHEET.partition("@media")[0])
DARK = LIGHT | named(re.search(r"@media screen and \(prefers-color-scheme: dark\) \{(.*?\})", SHEET, re.S)[1])  # type: ignore[index]
PAPER = LIGHT | named(re.search(r"@media print \{\s*:root \{(.*?)\}", SHEET, re.S)[1])  # type: ignore[index]


def test_the_formula_is_that_of_the_standard() -> None:
    """The two ends, and #767676 on white, the lightest grey that passes AA (WebAIM's example, 4.54)."""
    assert contrast("000000", "ffffff") == pytest.approx(21)
    assert contrast("767676", "ffffff") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("scheme", [LIGHT, DARK, PAPER], ids=["light", "dark", "paper"])
def test_text_and_drawings_can_be_read(scheme: dict[str, str]) -> None:
    for least, pairs in ((4.5, ON), (3.0, DRAWN)):
        faint = {
            (text, ground): round(contrast(scheme[text], scheme[ground]), 2)
            for text, grounds in pairs.items()
            for ground in grounds
            if contrast(scheme[text], scheme[ground]) < least
        }
        assert faint == {}


def test_nothing_makes_text_fainter_than_its_colour() -> None:
    assert not re.search(r"(?<!fill-)(?<!stroke-)opacity:", SHEET)


def test_paper_is_never_dark_and_shows_what_is_folded() -> None:
    assert "@media (prefers-color-scheme: dark)" not in SHEET, "it would hold on paper too"
    paper = SHEET[SHEET.index("@media print") :]
    assert "color-scheme: light" in paper
    assert "details::details-content { content-visibility: visible" in paper


def test_boxes_that_scroll_are_reached_by_the_keyboard_and_named() -> None:
    boxes = re.findall(r'<div class="scroll[^"]*"([^>]*)>', render(reports.rich()))
    assert len(boxes) > 5
    assert all(re.fullmatch(r' tabindex="0" role="group" aria-label="[^"]+"', box) for box in boxes)
