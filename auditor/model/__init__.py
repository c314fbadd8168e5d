"""The shared words. Standard library only; everything else in the house speaks in these.

A reader needs few of them: a module of this package is imported when the first of its words is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.model.compared import (
        AdapterComparison,
        Change,
        CurveComparison,
        Diff,
        Facts,
        FileChange,
        ModuleUpdate,
        UncomparedModule,
    )
    from auditor.model.files import (
        READ_LIMIT,
        Blob,
        Digest,
        Fact,
        FileKind,
        Snapshot,
        folder_of,
        name_of,
    )
    from auditor.model.judgement import Finding, Location, NotApplicable, Problem, Severity, Skip, Suppression
    from auditor.model.ledger import Claim, Claims, Evidence, Statement, Status, VersionRange, version_key
    from auditor.model.report import Answer, Coverage, FileRow, Ref, Report, RunReport, Unread
    from auditor.model.training import (
        Alternative,
        Aspect,
        Control,
        Divergence,
        RerunPlan,
        RerunResult,
        Setting,
        Span,
        Verdict,
    )

__all__ = [
    "READ_LIMIT",
    "AdapterComparison",
    "Alternative",
    "Answer",
    "Aspect",
    "Blob",
    "Change",
    "Claim",
    "Claims",
    "Control",
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
    "Span",
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

_PARTS = ("files", "judgement", "compared", "ledger", "training", "report")

if not TYPE_CHECKING:  # or every misspelt word would pass for one of them

    def __getattr__(name: str) -> object:
        if name in __all__:
            for part in _PARTS:
                found = vars(import_module(f"auditor.model.{part}"))
                if name in found:
                    globals()[name] = found[name]
                    return found[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
