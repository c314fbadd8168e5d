"""The README keeps its word: its policy parses, its rules, commands, options, targets and pictures exist."""

import re
import tomllib
from pathlib import Path

import pytest

from auditor.engine import _rules
from auditor.policy import parse
from tests.builders.command import audit

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_policy_example_is_a_policy_of_existing_rules() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    policy = parse(tomllib.loads(block), "README")
    assert policy.fail_on == "warning"
    named = {*policy.severity, *(item.rule for item in policy.ignores)}
    assert named
    assert named <= set(_rules.rules())


def test_the_two_commands_stand_on_the_first_screen_and_exist() -> None:
    first_screen = "\n".join(README.splitlines()[:30])
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test"):
        assert f"make {target}" in first_screen
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    (picture,) = re.findall(r"!\[.*?\]\((.*?)\)", first_screen)
    assert (ROOT / picture).is_file()


@pytest.mark.parametrize(
    "name",
    sorted(
        set(re.findall(r"audit (compare|check|inspect|rerun|explain|rules|report|schema|config)\b", README))
    ),
)
def test_the_commands_it_shows_exist(capsys: pytest.CaptureFixture[str], name: str) -> None:
    done = audit(capsys, name, "--help")
    assert done.code == 0


def test_the_options_it_shows_exist(capsys: pytest.CaptureFixture[str]) -> None:
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    names = ("", "compare", "check", "rerun", "inspect")
    known = "".join(audit(capsys, *filter(None, (name, "--help"))).out for name in names)
    assert {option for option in shown if option not in known} == set()


def test_the_files_it_names_exist() -> None:
    for name in (
        "CHANGELOG.md",
        "docs/evidence.md",
        "docs/rerun.md",
        "reports",
        "schemas/report-v1.schema.json",
    ):
        assert (ROOT / name).exists()


def test_the_evidence_page_names_every_module_and_no_other() -> None:
    page = (ROOT / "docs" / "evidence.md").read_text()
    rows = [
        line.split("|")[1]
        for line in page.splitlines()
        if line.startswith("| ") and "-" in line.split("|")[1]
    ]
    named = {
        name.strip()
        for row in rows
        for name in row.split(",")
        if re.fullmatch(r"\s*[a-z]+(-[a-z]+)+\s*", name)
    }
    there = {path.stem.replace("_", "-") for path in (ROOT / "auditor" / "evidence").glob("[a-z]*.py")}
    assert named == there
