"""What holds of every renderer; formats are found as the product finds them."""

import importlib
import subprocess
import sys
from collections.abc import Callable

import pytest

from auditor import discover
from auditor.model import Report
from tests.builders import reports
from tests.report import hostile

FORMATS = {
    name: importlib.import_module(f"auditor.report.{name}") for name in discover.names("auditor.report")
}
REPORTS = {
    "rich": reports.rich,
    "healthy": reports.healthy,
    "incomplete": reports.incomplete,
    "hostile": hostile.report,
}


def test_the_formats_are_the_files() -> None:
    assert {"terminal", "markdown", "json", "html", "sarif"} <= set(FORMATS)


def test_suffixes_differ() -> None:
    suffixes = [module.SUFFIX for module in FORMATS.values()]
    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix.startswith(".") for suffix in suffixes)


@pytest.mark.parametrize("make", REPORTS.values(), ids=REPORTS)
@pytest.mark.parametrize("name", FORMATS)
def test_renders_the_same_text_twice_as_utf8(name: str, make: Callable[[], Report]) -> None:
    first = FORMATS[name].render(make(), colour=False, width=80)
    assert first == FORMATS[name].render(make(), colour=False, width=80)
    assert first.endswith("\n")
    assert first.encode("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_no_control_character_of_the_repository_survives(name: str) -> None:
    text = FORMATS[name].render(hostile.report())
    assert not {char for char in text if ord(char) < 32 and char != "\n"}
    assert "\x9b" not in text
    assert "\u202e" not in text


def test_the_terminal_needs_no_heavy_library() -> None:
    code = (
        "import sys; from tests.builders import reports; from auditor.report import terminal, json;"
        "terminal.render(reports.rich()); json.render(reports.rich());"
        "print(sorted({'jinja2', 'jsonschema', 'rich', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
