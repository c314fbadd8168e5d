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
        Unread,
        folder_of,
        name_of,
    )
    from auditor.model.judgement import (
        Finding,
        Location,
        NotApplicable,
        Problem,
        Severity,
        Skip,
        Suppression,
    )
    from auditor.model.ledger import (
        Claim,
        Claims,
        Evidence,
        Statement,
        Status,
        VersionRange,
        version_key,
    )
    from auditor.model.report import (
        Answer,
        Coverage,
        FileRow,
        Ref,
        Report,
        RunReport,
    )
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

_PARTS: dict[str, tuple[str, ...]] = {
    "files": (
        "Blob",
        "Digest",
        "Fact",
        "FileKind",
        "READ_LIMIT",
        "Snapshot",
        "Unread",
        "folder_of",
        "name_of",
    ),
    "judgement": ("Finding", "Location", "NotApplicable", "Problem", "Severity", "Skip", "Suppression"),
    "compared": (
        "AdapterComparison",
        "Change",
        "CurveComparison",
        "Diff",
        "Facts",
        "FileChange",
        "ModuleUpdate",
        "UncomparedModule",
    ),
    "ledger": ("Claim", "Claims", "Evidence", "Statement", "Status", "VersionRange", "version_key"),
    "training": (
        "Alternative",
        "Aspect",
        "Control",
        "Divergence",
        "RerunPlan",
        "RerunResult",
        "Setting",
        "Span",
        "Verdict",
    ),
    "report": ("Answer", "Coverage", "FileRow", "Ref", "Report", "RunReport"),
}
"""The words of each module: the first one that is asked for loads that module and no other."""
_MODULES = {word: part for part, words in _PARTS.items() for word in words}

if not TYPE_CHECKING:  # or every misspelt word would pass for one of them

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"auditor.model.{_MODULES[name]}"), name)
        globals()[name] = found
        return found
