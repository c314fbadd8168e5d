"""The examples in every rule's docstring are true: Bad fires, Good was looked at and is silent."""

from collections.abc import Mapping
from functools import cache

import pytest

from auditor.engine import _rules
from auditor.model import Finding, Snapshot
from tests.builders import examples
from tests.builders.repositories import run_rule

RULES = sorted(name for name, rule in _rules.rules().items() if rule.documentation.bad)


@cache
def unedited(context: str) -> tuple[Snapshot, Mapping[str, object]]:
    """The repository that examples with these first lines begin from; one object, so that it is parsed once."""
    example = examples.read(context)
    return example.snapshot(), example.more


def found(rule: str, snapshot: Snapshot, more: Mapping[str, object]) -> list[Finding]:
    return run_rule(rule, snapshot, **more).findings  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", RULES)
def test_the_bad_example_fires_and_its_edits_are_the_reason(rule: str) -> None:
    bad = _rules.rules()[rule].documentation.bad
    example = examples.read(bad)
    findings = found(rule, example.snapshot(), example.more)
    assert findings
    if list(examples.edits_of(bad)):
        assert findings != found(rule, *unedited(examples.context_of(bad)))


@pytest.mark.parametrize("rule", RULES)
def test_the_good_example_is_silent(rule: str) -> None:
    good = _rules.rules()[rule].documentation.good
    assert good, "say what is right beside what is wrong"
    assert good != _rules.rules()[rule].documentation.bad
    example = examples.read(good)
    outcome = run_rule(rule, example.snapshot(), **example.more)  # type: ignore[arg-type]
    assert rule in outcome.ran, outcome.not_applicable
    assert not outcome.findings
