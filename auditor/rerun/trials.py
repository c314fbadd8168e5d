"""The trainings of an experiment: the rerun itself, its repeats, stand-ins for other machines, controls, hypotheses."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from auditor.model import RerunPlan, Span

RERUN, REPEAT, VARIATION, CONTROL, HYPOTHESIS = "rerun", "repeat", "variation", "control", "hypothesis"
UNFINISHED = "not every control and other reading was trained: "
"""How the note begins that says why the experiment ended before its question was settled."""
PROBE = "probe"
"""The beginning of another reading, up to the first logged loss."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One training of a plan with some settings changed; ``says`` names for people what was changed.

    ``name`` is its folder. ``changes`` are settings of the plan, ``flags`` environment variables; ``threads`` None
    leaves the experiment's own count. ``rows`` maps the number of a row in the data to its replacement. ``span`` is
    trained in the place of the plan's parts.
    """

    name: str
    role: str
    says: str = ""
    changes: Mapping[str, object] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = None
    rows: Mapping[int, str] = field(default_factory=dict)
    span: Span | None = None

    def of(self, plan: RerunPlan) -> RerunPlan:
        """The plan as far as this training goes."""
        if self.span is None:
            return plan
        kind = "prefix" if self.span.resume is None else "segments"
        return replace(plan, span=kind, parts=(self.span,), stop_at=self.span.stop)

    @property
    def own_process(self) -> bool:
        """Whether it needs a process of its own, because it computes under another environment."""
        return bool(self.flags) or self.threads is not None


def part_folder(folder: Path, plan: RerunPlan, span: Span) -> Path:
    """Where one part of a trial leaves its files: the trial's own folder where it has one part alone."""
    return folder if len(plan.trained) == 1 else folder / f"steps-{span.start}-{span.stop}"
