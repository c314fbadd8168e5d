"""What a rule's test compares: whole findings, and the reasons of a rule that could not look."""

from dataclasses import replace

from auditor.engine._feed import Outcome
from auditor.engine._rules import rules
from auditor.model import Digest, Finding, Location, Severity, Snapshot
from tests.builders.repositories import run_rule

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


def finding(
    rule: str,
    severity: Severity,
    message: str,
    path: str,
    member: str | None = None,
    *,
    expected: str | None = None,
    observed: str | None = None,
    evidence: tuple[str, ...] = (),
) -> Finding:
    """A finding with the remedy of the rule's own documentation."""
    fix = rules()[rule].documentation.fix
    return Finding(rule, severity, message, Location(path, member), expected, observed, evidence, fix)


def found(rule: str, snapshot: Snapshot, **more: object) -> list[Finding]:
    """The findings of one rule, which must have run."""
    outcome = run_rule(rule, snapshot, **more)  # type: ignore[arg-type]
    assert rule in outcome.ran, outcome.not_applicable
    return outcome.findings


def as_git(snapshot: Snapshot) -> Snapshot:
    """The snapshot as if each file without a pointer were stored in git itself, with ids of git's kind."""
    files = {
        path: blob.replaced(
            object_id=Digest("git-sha1", (blob.object_id.hex if blob.object_id else "0" * 40)[:40])
        )
        for path, blob in snapshot.files.items()
    }
    return replace(snapshot, files=files, cache={})


def reasons(rule: str, snapshot: Snapshot, **more: object) -> list[str]:
    """Why a rule found nothing to judge anywhere; findings would be a failure."""
    outcome: Outcome = run_rule(rule, snapshot, **more)  # type: ignore[arg-type]
    assert not outcome.findings
    return [item.reason for item in outcome.not_applicable]
