"""The page: self-contained, without script, whole when cut off from everything."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from auditor.model import Finding, Location, Report, Severity
from auditor.report.html import LIMITS, render
from tests.builders import reports
from tests.report import hostile

EVERY = (reports.rich, reports.healthy, reports.incomplete, hostile.report)
VOID = {"meta", "br", "wbr", "link", "img", "input"}


class Page(HTMLParser):
    """Elements, attributes and visible text of a page; complains about tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        """Visible text with single spaces."""
        return " ".join(" ".join(self.words).split())

    def values(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture(params=EVERY)
def page(request: pytest.FixtureRequest) -> Page:
    make: Callable[[], Report] = request.param
    return Page(render(make()))


def test_has_no_script_and_loads_nothing(page: Page) -> None:
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "style")]
    assert all(value.startswith("#") for value in page.values("href"))


def test_forbids_everything_but_its_own_style(page: Page) -> None:
    policy = next(
        value for tag, name, value in page.attributes if tag == "meta" and value.startswith("default")
    )
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")


def test_every_link_leads_somewhere_and_every_name_is_its_own(page: Page) -> None:
    names = Counter(page.values("id"))
    assert [name for name, count in names.items() if count > 1] == []
    assert {value.removeprefix("#") for value in page.values("href")} <= set(names)


def test_the_style_calls_nothing_from_outside() -> None:
    style = re.search(r"<style>(.*?)</style>", render(reports.rich()), re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert "prefers-color-scheme: dark" in style[1]
    assert "@media print" in style[1]


def test_the_title_begins_with_the_verdict() -> None:
    assert "<title>FAIL: audit of team/gemma3-finetuning</title>" in render(reports.rich())


def test_the_first_screen_says_what_ten_seconds_need() -> None:
    top = Page(re.split("<nav", render(reports.rich()))[0].split("</head>")[1].replace("<body>", "")).text
    for words in (
        "FAIL",
        "The declared recipe did not make these weights",
        "main 8f3a8f3a8f",
        "caost-test-2 c07ec07ec0",
        "unrelated histories",
        "2 errors",
        "1 warning",
        "1 note",
        "4 / 11 claims verified",
        "2 claims contradicted",
        "21 / 23 files read",
        "9 / 70 checks not applicable",
        "✗ diverged rerun",
    ):
        assert words in top


def test_shows_findings_worst_first_with_what_speaks_for_them() -> None:
    text = Page(render(reports.rich())).text
    order = ["claim-contradicted", "lora-rank-mismatch", "base-model-not-loadable", "histories-unrelated"]
    assert [text.index(rule) for rule in order] == sorted(text.index(rule) for rule in order)
    assert "expected 4 observed 1" in text
    assert "with accumulation 4 the run would have ended at step 24" in text
    assert "Fix write the hub id and a revision" in text
    assert "PEFT builds every lora_A with r rows" in text
    assert "1 finding resolved since the base" in text
    assert "until 2027-01-31: the card is written after the merge" in text


def test_shows_ledger_rerun_adapters_files_and_coverage() -> None:
    text = Page(render(reports.rich())).text
    for words in (
        "≠ 16",
        "238 of 238 tensors",
        "First divergence step 7: ",
        "This does not prove that no other data gives the same batches",
        "relative distance 0.7312",
        "2 modified, 1 added, 1 removed, 1 unknown, 1 identical",
        "the base model's configuration is not known (give --base DIR)",
        "ends in the middle of record 3",
        "audit compare main caost-test-2 --rerun --base BASE_MODEL_DIR --data DATA_PATH",
        "rules 0f1e2d3c4b5a6978",
    ):
        assert words in text


def test_every_value_of_the_ledger_names_its_source_for_a_phone() -> None:
    """On a narrow screen the head of the table is hidden and each cell stands below the other."""
    text = render(reports.rich())
    rows = re.findall(r'<tr class="(?:contradicted|verified|unverifiable|stated)">.*?</tr>', text, re.DOTALL)
    cells = [cell for row in rows for cell in re.findall(r'<td class="cell"([^>]*)>', row)]
    assert cells
    assert all(re.fullmatch(r' data-of="[^"]+"', cell) for cell in cells)
    heads = re.findall(r'<span title="[^"]+">([^<]+)</span><small>', text)
    assert {re.sub(r' data-of="(.*)"', r"\1", cell) for cell in cells} == set(heads)


def test_status_is_said_in_words_beside_its_colour() -> None:
    text = Page(render(reports.rich())).text
    for words in (
        "✗ contradicted",
        "✓ verified",
        "? unverifiable",
        "· stated",
        "✗ error",
        "▲ warning",
        "• note",
    ):
        assert words in text


def test_shapes_carry_their_own_paint() -> None:
    body = render(reports.rich()).split("</head>")[1]
    shapes = re.findall(r"<(?:rect|circle|text)\b[^>]*>", body)
    paths = re.findall(r'<path class="[^>]*>', body)
    assert shapes
    assert paths
    for tag in shapes:
        assert " fill=" in tag or 'stroke-dasharray="2 2"' in tag, tag
    for tag in paths:
        assert " stroke=" in tag, tag


def test_hostile_text_is_text() -> None:
    text = render(hostile.report())
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{ 7*7 }}" in text
    assert "\\x1b[31mred" in text
    assert text.count("</style>") == 1


def test_a_large_adapter_fits() -> None:
    assert len(render(reports.rich(layers=34)).encode()) < 1_000_000


def test_a_flood_is_cut_and_says_so() -> None:
    flood = tuple(
        Finding("some-rule", Severity.ERROR, "x" * 5000, Location(f"file-{index}.json", "y" * 5000))
        for index in range(5000)
    )
    text = render(replace(reports.rich(), findings=flood))
    assert len(text.encode()) < 1_500_000
    assert text.count('<article class="finding') == LIMITS["findings"]
    assert "… and 4,700 more findings; the JSON report has all." in text


def test_a_pass_and_a_blind_spot_read_differently() -> None:
    assert "Nothing speaks against candidate" in render(reports.healthy())
    incomplete = render(reports.incomplete())
    assert "Nothing speaks against" not in incomplete
    assert "not everything could be looked at" in incomplete
