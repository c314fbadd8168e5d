"""docs/rules.md is what the rules' docstrings say."""

from pathlib import Path

from auditor.cli import _rule_pages
from auditor.engine import _rules

DOCUMENT = Path(__file__).parents[1] / "docs" / "rules.md"


def test_the_document_of_the_rules_is_current() -> None:
    """``make docs`` writes it anew."""
    assert DOCUMENT.read_text() == _rule_pages.as_markdown(list(_rules.rules().values()))


def test_every_link_of_its_index_leads_to_a_heading() -> None:
    text = DOCUMENT.read_text()
    for rule in _rules.rules():
        assert f"[{rule}](#{rule})" in text
        assert f"\n### {rule}\n" in text
