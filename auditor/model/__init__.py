"""The shared words. Standard library only; everything else in the house speaks in these.

A reader needs those of one file. A further module of this package is imported when the first of its words is asked for.
"""

from auditor.model.files import READ_LIMIT, Blob, Fact, FileKind, folder_of, name_of
from auditor.model.frozen import Frozen

TYPE_CHECKING = False
"""As in typing, which would cost more than what a reader needs of this package."""
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
    from auditor.model.snapshot import Digest, Snapshot, Unread
    from auditor.model.training import (
        Alternative,
        Aspect,
        Control,
        Divergence,
        Prediction,
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
    "Frozen",
    "Location",
    "ModuleUpdate",
    "NotApplicable",
    "Prediction",
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
    "files": ("Blob", "Fact", "FileKind", "READ_LIMIT", "folder_of", "name_of"),
    "frozen": ("Frozen",),
    "snapshot": ("Digest", "Snapshot", "Unread"),
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
        "Prediction",
        "RerunPlan",
        "RerunResult",
        "Setting",
        "Span",
        "Verdict",
    ),
    "report": ("Answer", "Coverage", "FileRow", "Ref", "Report", "RunReport"),
}
"""The words of each module, of which those of one file are loaded at once."""
_MODULES = {word: part for part, words in _PARTS.items() for word in words}

if not TYPE_CHECKING:  # or every misspelt word would pass for one of them

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(f"auditor.model.{_MODULES[name]}"), name)
        globals()[name] = found
        return found
