"""One snapshot, read and weighed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.claims import Ledger
from auditor.model import Diff, RerunResult, Snapshot
from auditor.runs import BaseFolder, Contents, Run


@dataclass(frozen=True, slots=True)
class Side:
    """One snapshot, fully read: what checks are fed from."""

    contents: Contents
    runs: tuple[Run, ...]
    ledgers: Mapping[str, Ledger]
    diff: Diff | None = None
    rerun: RerunResult | None = None
    base_folder: BaseFolder | None = None
    crashed: Mapping[str, str] = field(default_factory=dict)
    """Evidence that crashed, with how: a bug of ours, reported and never taken for silence."""

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot behind it."""
        return self.contents.snapshot
