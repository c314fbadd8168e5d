"""The pull request comment. Golden files: ``AUDIT_UPDATE_GOLDEN=1 pytest tests/report`` writes them again."""

import re
from dataclasses import replace

import pytest

from auditor.model import Finding, Location, Ref, Severity
from auditor.report._markdown_text import code, escaped, marker, prose
from auditor.report.markdown import BYTE_LIMIT, render
from tests.builders import reports
from tests.report import hostile
from tests.report.goldens import check

EVERY = {"rich": reports.rich, "healthy": reports.healthy, "incomplete": reports.incomplete}


@pytest.mark.parametrize("name", EVERY)
def test_golden(name: str) -> None:
    check(f"{name}.md", render(EVERY[name]()))


def test_a_bot_finds_its_comment_by_the_first_line() -> None:
    assert render(reports.rich()).splitlines()[0] == "<!-- audit:main...caost-test-2 -->"
    assert render(reports.healthy()).splitlines()[0] == "<!-- audit:candidate -->"


@pytest.mark.parametrize(
    ("ref", "encoded"),
    [("a--b", "a-%2Db"), ("x-->y", "x-%2D%3Ey"), ("é \n", "%C3%A9%20%0A"), ("a---b", "a-%2D-b")],
)
def test_no_ref_ends_the_marker(ref: str, encoded: str) -> None:
    assert marker(None, ref) == f"<!-- audit:{encoded} -->"


def test_stays_below_the_limit_and_says_what_was_cut() -> None:
    many = tuple(
        Finding("some-rule", severity, "wrong é" * 20, Location(f"file-{index}.json"))
        for index, severity in enumerate([Severity.WARNING, Severity.ERROR] * 1000)
    )
    text = render(replace(reports.rich(), findings=many))
    assert 55_000 < len(text.encode()) <= BYTE_LIMIT
    assert re.search(
        r"_Cut at 60,000 bytes; left out: \d+ of 1000 lines of errors; warnings; the rerun;", text
    )
    assert "✗ error" in text
    assert "▲ warning" not in text


def test_many_warnings_are_folded_and_few_stand_open() -> None:
    def text(count: int) -> str:
        some = tuple(
            Finding("r", Severity.WARNING, "wrong", Location(f"{i}.json", "/a")) for i in range(count)
        )
        error = Finding("e", Severity.ERROR, "worse", Location("b.json", "/c"))
        return render(replace(reports.healthy(), findings=(error, *some)))

    assert text(8).index("`0.json`<br>`/a`") < text(8).index("<details>")
    many = text(9)
    assert many.index("`b.json`<br>`/c`") < many.index("<details>\n<summary>9 warnings</summary>")
    assert many.index("<summary>9 warnings") < many.index("`0.json`<br>`/a`")


def test_stays_below_the_limit_with_hostile_text_everywhere() -> None:
    report = hostile.report()
    notes = tuple("`|<" * 10_000 for _ in range(100))
    worst = replace(
        report, notes=notes, summary="`" * 100_000, repository="`" * 100_000, head=Ref("`" * 9999, None)
    )
    assert len(render(worst).encode()) <= BYTE_LIMIT


def test_every_row_of_a_table_has_its_columns() -> None:
    for text in (render(hostile.report()), render(reports.rich())):
        width = 0
        for line in text.splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            width = width or line.count("|")
            assert line.count("|") == width, line


def test_nothing_of_the_repository_comes_alive() -> None:
    text = render(hostile.report()).partition("\n")[2]  # the first line is a comment that no forge shows
    outside_code = re.sub(r"`[^`\n]*`|<code>.*?</code>", "", text)
    assert "<script" not in text
    assert not re.search(r"@\w", outside_code)
    assert "://" not in outside_code
    assert not re.search(r"www\.", outside_code)
    assert not re.search(r"(?<!&)#\d", outside_code)
    assert not re.search(r"(?<!\\)\]\(", outside_code)
    tags = set(re.findall(r"</?([a-z]+)", text))
    assert tags <= {"details", "summary", "br", "code"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lora_alpha is 16", "lora_alpha is 16"),
        ("__init__", r"\_\_init\_\_"),
        ("a|b`c\\d", "a&#124;b&#96;c&#92;d"),
        ("*x* [y](z) ~s~", r"\*x\* \[y\](z) \~s\~"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("@me #7 # 7", "@\u200bme #\u200b7 # 7"),
        ("$a$", "&#36;a&#36;"),
    ],
)
def test_plain_text(text: str, expected: str) -> None:
    assert escaped(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b.json#/c", "`a/b.json#/c`"),
        ("a`b", "<code>a&#96;b</code>"),
        ("a|b", "<code>a&#124;b</code>"),
        ("", ""),
    ],
)
def test_code_spans(text: str, expected: str) -> None:
    assert code(text) == expected


def test_what_a_rule_put_into_backticks_is_code_and_spaces_stay() -> None:
    assert prose("set `r` to ``8``, not `a|b` @me") == "set `r` to `8`, not <code>a&#124;b</code> @\u200bme"
    assert prose("one ` alone") == "one &#96; alone"
