"""The examples in every rule's docstring are true: Bad fires, Good was looked at and is silent."""

import pytest

from auditor.engine import _rules
from tests.builders import examples
from tests.builders.repositories import run_rule

RULES = sorted(name for name, rule in _rules.rules().items() if rule.documentation.bad)


@pytest.mark.parametrize("rule", RULES)
def test_the_bad_example_fires(rule: str) -> None:
    bad = _rules.rules()[rule].documentation.bad
    assert list(examples.parts(bad)), "a bad example edits something"
    example = examples.read(bad)
    assert run_rule(rule, example.snapshot(), **example.more).findings  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", RULES)
def test_the_good_example_is_silent(rule: str) -> None:
    good = _rules.rules()[rule].documentation.good
    assert good, "say what is right beside what is wrong"
    example = examples.read(good)
    outcome = run_rule(rule, example.snapshot(), **example.more)  # type: ignore[arg-type]
    assert rule in outcome.ran, outcome.not_applicable
    assert not outcome.findings
