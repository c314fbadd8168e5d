"""The audit of one case: every rule, and the rerun with its controls and other readings, as `audit rerun` does both."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

from auditor.engine import audit
from auditor.engine.rerun import rerunner
from auditor.errors import AuditError
from auditor.model import Report, RerunResult, Severity
from auditor.policy import Policy
from auditor.rerun import runner
from auditor.rerun.fleet import order
from auditor.rerun.followed import Followed
from auditor.rerun.options import Progress, RerunOptions, silent
from auditor.sources import directory
from benchmarks.detection.case import Case
from benchmarks.detection.inputs import base_path, data_path
from benchmarks.detection.repository import write
from benchmarks.detection.workshop import Workshop

RULES, RERUN, INCONCLUSIVE, MISSED, ACCUSED, CLEARED = (
    *("caught by rules", "caught by the rerun", "inconclusive"),
    *("missed", "accused", "not accused"),
)
_FROM_THE_RERUN = "rerun-diverged"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of a case; ``distance`` is the largest of its weights' relative distances from the rerun."""

    name: str
    kind: str
    honest: bool
    outcome: str
    why: str
    verdict: str
    rules: tuple[str, ...] = ()
    distance: float | None = None
    seconds: float = 0.0
    expected: tuple[str, ...] = ()

    @property
    def as_expected(self) -> bool:
        """Whether this is one of the right answers that were written down before; True where none were."""
        said = "inconclusive" if self.verdict == "refused" else self.verdict
        found = said if self.honest else self.outcome.partition(" ")[0]
        return not self.expected or (not self.failed and found in self.expected)

    @property
    def failed(self) -> bool:
        """Whether the auditor was wrong: an honest run accused, or a falsified one passed."""
        return self.outcome in (MISSED, ACCUSED)


@dataclass
class Judge:
    """Judges cases one after the other; its training children stay warm for all of them."""

    workshop: Workshop
    options: RerunOptions = field(default_factory=RerunOptions)

    def judge(self, case: Case) -> Judgement:
        """Write the repository, audit it, rerun it."""
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="detection-") as name:
            folder = Path(name) / "repository"
            write(case.files(self.workshop.of), folder)
            report, refused = self._audited(case, folder)
        return _judged(case, report, refused, time.monotonic() - began)

    def _audited(self, case: Case, folder: Path) -> tuple[Report, str]:
        base = base_path(self.workshop.folder, case.declared.architecture)
        data = data_path(self.workshop.folder, case.data)
        options = RerunOptions(base=base, data=data, span=case.span, steps=case.steps)
        snapshot, asked = directory.snapshot(folder), audit.Options(base=base)
        try:
            return audit.check(snapshot, asked, rerunner(None, options, Policy(), silent)), ""
        except AuditError as error:
            return audit.check(snapshot, asked), error.message


def _judged(case: Case, report: Report, refused: str, seconds: float) -> Judgement:
    errors = [finding for finding in report.findings if finding.severity >= Severity.ERROR]
    by_rules = tuple(dict.fromkeys(one.rule for one in errors if one.rule != _FROM_THE_RERUN))
    result = report.rerun
    verdict = result.verdict.word if result else "refused"
    diverged = verdict == "diverged"
    if case.honest:
        outcome = ACCUSED if errors or diverged else CLEARED
    elif by_rules:
        outcome = RULES
    elif diverged:
        outcome = RERUN
    else:
        outcome = INCONCLUSIVE if verdict in ("inconclusive", "refused") or _is_partial(result) else MISSED
    distances = [one.distance for one in result.aspects if one.aspect == "weights"] if result else []
    why = result.why if result else refused
    first = next((f"{one.rule} at {one.at}: {one.message}" for one in errors), "")
    return Judgement(
        case.name,
        case.kind,
        case.honest,
        outcome,
        "; ".join(part for part in (why, first) if part),
        verdict,
        by_rules,
        max((value for value in distances if value is not None), default=None),
        round(seconds, 1),
        case.expected,
    )


def _is_partial(result: RerunResult | None) -> bool:
    """Whether an agreeing verdict names something committed that it does not speak of."""
    return result is not None and "; not compared: " in result.why


class _Warm:
    """A child that outlives its experiment: the same process, environment and base for the next one's trainings."""

    known: ClassVar[dict[tuple[object, ...], runner.Child]] = {}
    scratch: ClassVar[Path]

    def __init__(self, scratch: Path, *, environment: Mapping[str, str], threads: int, **more: Any) -> None:
        lasting = {key: value for key, value in more.items() if key != "stopped"}
        self._key = (threads, tuple(sorted(environment.items())), str(lasting))
        if self._key not in self.known:
            mine = Path(tempfile.mkdtemp(prefix="child-", dir=self.scratch))
            self.known[self._key] = runner.Child(mine, environment=environment, threads=threads, **more)

    def __enter__(self) -> "_Warm":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it to the next experiment."""

    def train(
        self,
        jobs: Sequence[Mapping[str, object]],
        followed: Followed,
        progress: Progress,
        timeout: float | None = None,
        *,
        last: bool = False,
    ) -> None:
        """Train in the process that is kept, or forget it when it broke."""
        try:
            self.known[self._key].train(jobs, followed, progress, timeout)
        except BaseException:
            self.known.pop(self._key).__exit__()
            raise


@contextmanager
def warm_children() -> Iterator[None]:
    """Let every experiment use the same training processes, which gives the same bits (tests/rerun/test_train.py)."""
    with tempfile.TemporaryDirectory(prefix="detection-children-", ignore_cleanup_errors=True) as name:
        _Warm.scratch = Path(name)
        try:
            with mock.patch.object(order, "Child", _Warm):
                yield
        finally:
            for child in _Warm.known.values():
                child.__exit__()
            _Warm.known.clear()
