"""What four families of rules say about the two fixtures as a whole."""

import dataclasses

from auditor.engine import _rules
from auditor.engine._feed import run_checks
from auditor.engine.audit import Options, difference, look
from auditor.model import Severity
from auditor.policy import Policy
from auditor.sources import bundle
from tests.builders.repositories import SEED, TINY_BASE, healthy

FAMILIES = {"adapter", "storage", "safety", "provenance"}
OURS = [rule for rule in _rules.rules().values() if rule.family in FAMILIES]


def test_the_honest_run_gets_notes_only() -> None:
    outcome = run_checks(look(healthy(), Options(base=TINY_BASE)), OURS, Policy())
    assert outcome.failed == {}
    assert {finding.rule for finding in outcome.findings if finding.severity > Severity.NOTE} == set()
    assert {finding.rule for finding in outcome.findings} == {
        "pickle-needs-full-trust",
        "training-state-published",
    }


def test_the_real_case_gets_what_forensics_found_and_no_error() -> None:
    with bundle.repository(SEED / "repo.bundle") as repository:
        resolved = repository.resolve("main", "caost-test-2")
        base, head = (
            look(repository.snapshot(name, commit, resolved), Options())
            for name, commit in zip(("main", "caost-test-2"), resolved.commits, strict=True)
        )
        side = dataclasses.replace(head, diff=difference(base, head, resolved.related))
        outcome = run_checks(side, OURS, Policy())
    assert outcome.failed == {}
    by_severity = {
        severity: {finding.rule for finding in outcome.findings if finding.severity is severity}
        for severity in Severity
    }
    assert by_severity == {
        Severity.ERROR: set(),
        Severity.WARNING: {
            "base-model-path-is-local",
            "dataset-not-recorded",
            "infrastructure-published",
            "loftq-config-inert",
            "output-name-size-differs",
            "source-is-a-branch",
            "tied-embeddings-targeted",
            "training-environment-not-recorded",
            "unrelated-histories",
            "vision-tower-targeted",
        },
        Severity.NOTE: {
            "base-revision-not-pinned",
            "infrastructure-published",
            "lfs-pattern-redundant",
            "lfs-pattern-without-file",
            "loads-in-some-releases-only",
            "peft-older-than-model-class",
            "pickle-needs-full-trust",
            "runner-not-recorded",
            "training-state-published",
        },
    }
