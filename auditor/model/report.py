"""Everything a renderer may see."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.model.compared import AdapterComparison, CurveComparison, Diff
from auditor.model.judgement import Finding, NotApplicable, Severity
from auditor.model.ledger import Claim
from auditor.model.snapshot import Unread
from auditor.model.training import RerunResult


@dataclass(frozen=True, slots=True)
class FileRow:
    """One recognised file: what it is, its size in bytes, its digest, and whether it was read."""

    path: str
    what: str
    size: int | None
    digest: str | None
    state: str


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run's part of the report; adapters and curves only in a comparison or where the run logged some."""

    path: str
    checkpoints: tuple[str, ...]
    claims: tuple[Claim, ...]
    platform: str | None = None
    summary: tuple[str, ...] = ()
    curves: tuple[CurveComparison, ...] = ()
    adapter: AdapterComparison | None = None


@dataclass(frozen=True, slots=True)
class Ref:
    """One side of the audit: a name a user typed and the commit it meant."""

    name: str
    commit: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the reviewer's questions; ``state`` is yes, no or open (not known), ``says`` the reason."""

    question: str
    state: str
    says: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What share was looked at; a report with low coverage is not a pass."""

    claims: Mapping[str, int]
    files: Mapping[str, int]
    checks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """An audit's whole result. ``verdict``: pass, fail, incomplete or nothing checked; ``exit_code`` as in CLI.md."""

    kind: str
    repository: str
    head: Ref
    base: Ref | None
    related_histories: bool | None
    verdict: str
    exit_code: int
    summary: str
    findings: tuple[Finding, ...]
    runs: tuple[RunReport, ...]
    files: tuple[FileRow, ...]
    coverage: Coverage
    not_applicable: tuple[NotApplicable, ...]
    unread: tuple[Unread, ...]
    diff: Diff | None = None
    rerun: RerunResult | None = None
    notes: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    rules_digest: str = ""
    version: str = ""
    fail_on: str = "error"
    stamp: str | None = None
    rules: Mapping[str, str] = field(default_factory=dict)
    """Rule id -> its documentation, for every rule that has a finding here."""

    def at(self, severity: Severity) -> tuple[Finding, ...]:
        """The live findings (not suppressed, not absent) of one severity."""
        return tuple(
            f
            for f in self.findings
            if f.severity is severity and f.suppressed is None and f.state != "absent"
        )
