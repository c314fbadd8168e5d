"""The shared words. Standard library only; everything else in the house speaks in these."""

from auditor.model.compared import (
    AdapterComparison,
    Change,
    CurveComparison,
    Diff,
    Fact,
    Facts,
    FileChange,
    ModuleUpdate,
    UncomparedModule,
)
from auditor.model.files import READ_LIMIT, Blob, Digest, FileKind, Snapshot, folder_of, name_of
from auditor.model.judgement import Finding, Location, NotApplicable, Problem, Severity, Skip, Suppression
from auditor.model.ledger import Claim, Claims, Evidence, Statement, Status, VersionRange, version_key
from auditor.model.report import Answer, Coverage, FileRow, Ref, Report, RunReport, Unread
from auditor.model.training import Aspect, Divergence, RerunPlan, RerunResult, Setting, Verdict

__all__ = [
    "READ_LIMIT",
    "AdapterComparison",
    "Answer",
    "Aspect",
    "Blob",
    "Change",
    "Claim",
    "Claims",
    "Coverage",
    "CurveComparison",
    "Diff",
    "Digest",
    "Divergence",
    "Evidence",
    "Fact",
    "Facts",
    "FileChange",
    "FileKind",
    "FileRow",
    "Finding",
    "Location",
    "ModuleUpdate",
    "NotApplicable",
    "Problem",
    "Ref",
    "Report",
    "RerunPlan",
    "RerunResult",
    "RunReport",
    "Setting",
    "Severity",
    "Skip",
    "Snapshot",
    "Statement",
    "Status",
    "Suppression",
    "UncomparedModule",
    "Unread",
    "Verdict",
    "VersionRange",
    "folder_of",
    "name_of",
    "version_key",
]
