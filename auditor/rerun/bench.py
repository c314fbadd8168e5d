"""Where the trainings of one experiment are made: the cache, the clock, and whoever carries out what it lacks."""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from auditor.errors import IncompleteError
from auditor.model import RerunPlan, Span
from auditor.rerun import cache
from auditor.rerun.fleet.choose import executor
from auditor.rerun.fleet.order import Ended, Executor, Order, Site
from auditor.rerun.followed import Followed
from auditor.rerun.jobs import Inputs, job
from auditor.rerun.options import Progress, RerunOptions
from auditor.rerun.outputs import Output, read_output
from auditor.rerun.planning.methods import base_files
from auditor.rerun.runner import EndedEarlyError
from auditor.rerun.trials import RERUN, Trial, part_folder

MANIFEST = "experiment.json"
Resumes = Callable[[RerunPlan, Span, Path], None]
"""Writes the states that a part of a plan goes on from into a new folder. Raises IncompleteError."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of trials: outputs in the order asked for, why others have none, and what ended them all early."""

    outputs: tuple[Output, ...]
    failed: Mapping[str, IncompleteError] = field(default_factory=dict)
    early: EndedEarlyError | None = None


@dataclass(slots=True)
class Bench:
    """Everything one experiment is made with, and what was made so far.

    A context manager: leaving it ends what still runs and removes what trainings do not leave to users. ``tell`` is
    told in a line how each training ended, where several run at a time.
    """

    plan: RerunPlan
    options: RerunOptions
    inputs: Inputs
    site: Site
    progress: Progress
    question: Mapping[str, object]
    tell: Callable[[str], None] = lambda _: None
    resumes: Resumes | None = None
    followed: Followed = field(default_factory=lambda: Followed(0))
    started: float = field(default_factory=time.monotonic)
    _executor: Executor | None = None
    _resumes: dict[int, Path] = field(default_factory=dict)
    _digests: dict[int, str] = field(default_factory=dict)
    _expected: set[str] = field(default_factory=set)
    _begun: dict[str, tuple[Trial, bool]] = field(default_factory=dict)

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *error: object) -> None:
        if self._executor is not None:
            self._executor.close()
        self.write_manifest()
        # What a failed child printed stays for whoever keeps the folder.
        scratch = self.folder.glob("child-*") if error[0] is None else ()
        for path in (*self._resumes.values(), *scratch):
            shutil.rmtree(path, ignore_errors=True)

    @property
    def folder(self) -> Path:
        """Where everything is trained."""
        return self.site.folder

    def prepare(self) -> None:
        """Write the states that the plan's parts resume from, once for all trainings."""
        for span in self.plan.trained:
            if span.resume is not None and self.resumes is not None:
                target = self.folder / f"resume-{span.start}"
                target.mkdir(parents=True)
                self._resumes[span.start] = target
                self.resumes(self.plan, span, target)
                self._digests[span.start] = cache.digest_of(target)

    def expect(self, trials: Sequence[Trial]) -> None:
        """Count trainings that are to come and are not in the cache, for the progress."""
        for trial in trials:
            if not self.holds([trial]):
                self._expected.add(trial.name)
                self.followed.total += trial.of(self.plan).steps
        if self.followed.total and not self.followed.step:
            self.progress(0, self.followed.total, None, None)

    def train(self, trials: Sequence[Trial]) -> Trained:
        """Train what the cache does not hold. Raises IncompleteError when the rerun itself could not be trained.

        Every training that ends well is cached at once, so that whatever ends the others does not cost it.
        """
        keys = {trial.name: self._key(trial) for trial in trials}
        found = {
            trial.name: known
            for trial in trials
            if self.options.cache and (known := cache.find(keys[trial.name], cache.folder())) is not None
        }
        for trial in trials:
            known = found.get(trial.name)
            if known is not None and trial.name in self._expected:
                self.followed.total -= trial.of(self.plan).steps
            if known is not None and self.options.keep is not None:
                shutil.copytree(known, self.folder / trial.name, dirs_exist_ok=True)
        self._begun.update({trial.name: (trial, trial.name in found) for trial in trials})
        missing = [trial for trial in trials if trial.name not in found]
        failed, early = self._run(missing, keys) if missing else ({}, None)
        done = [trial for trial in trials if trial.name in found or failed.get(trial.name, early) is None]
        outputs = (self._read(trial, found.get(trial.name, self.folder / trial.name)) for trial in done)
        return Trained(tuple(outputs), {k: v for k, v in failed.items() if v is not None}, early)

    def holds(self, trials: Sequence[Trial]) -> bool:
        """Whether the cache has every one of these trainings."""
        kept = (cache.find(self._key(trial), cache.folder()) for trial in trials)
        return self.options.cache and all(found is not None for found in kept)

    def carry_out(self, order: Order) -> Ended:
        """Train one order that is no trial; nothing of it is cached."""
        with closing(self._executes().train([order])) as ends:
            return next(ends)

    def left(self) -> float | None:
        """Seconds until the limit; None when there is none."""
        limit = self.options.limit
        return None if limit is None else max(0.0, self.started + limit - time.monotonic())

    def write_manifest(self) -> None:
        """Leave a list of the trainings beside them, for people: which are complete, and which were ended on the way.

        A disk that is full has no list, and says so by itself.
        """
        trials = [
            {
                "name": name,
                "role": trial.role,
                "says": trial.says,
                "state": "complete" if complete else "partial: it did not end",
            }
            for name, (trial, complete) in self._begun.items()
            if complete or (self.folder / name).exists()
        ]
        text = json.dumps({"trials": trials, "inputs": self.question["inputs"]}, indent=2)
        with suppress(OSError):
            (self.folder / MANIFEST).write_text(text, encoding="utf-8")

    def _run(
        self, trials: Sequence[Trial], keys: Mapping[str, str]
    ) -> tuple[dict[str, IncompleteError | None], EndedEarlyError | None]:
        """How each training ended that did, and what ended all of them early."""
        by_name = {trial.name: trial for trial in trials}
        ends: dict[str, IncompleteError | None] = {}
        early: EndedEarlyError | None = None
        try:
            with closing(self._executes().train([self._order(trial) for trial in trials])) as all_ends:
                for ended in all_ends:
                    ends[ended.order.name] = ended.error
                    self._note(ended, by_name[ended.order.name], keys)
                    early = ended.error if isinstance(ended.error, EndedEarlyError) else early
        except EndedEarlyError as error:
            early = error
        return ends, early

    def _executes(self) -> Executor:
        if self._executor is None:
            asked = self.options
            self._executor = executor(
                asked.where, asked.jobs, self.site, self.followed, self.progress, self.left, self.tell
            )
        return self._executor

    def _note(self, ended: Ended, trial: Trial, keys: Mapping[str, str]) -> None:
        """Cache a training that ended well, tell of it, and raise why the rerun itself could not be trained."""
        self._begun[trial.name] = (trial, ended.error is None)
        if self.options.where.is_remote or (self.options.jobs or 1) > 1:
            how = f"{ended.order.steps} steps trained" if ended.error is None else ended.error.message
            self.tell(f"{trial.name}: {how}")
        if ended.error is None and self.options.cache:
            cache.store(
                keys[trial.name],
                self.folder / trial.name,
                cache.folder(),
                facts={"trial": trial.name, "run": self.plan.run, "steps": trial.of(self.plan).words},
            )
        if ended.error is not None and trial.role == RERUN:
            raise ended.error

    def _read(self, trial: Trial, folder: Path) -> Output:
        plan = trial.of(self.plan)
        parts = [(span, part_folder(folder, plan, span)) for span in plan.trained]
        full = "peft_type" in self.plan.settings
        return read_output(trial, parts, base_files(self.inputs.base) if full else ())

    def _key(self, trial: Trial) -> str:
        return cache.key(
            {
                **self.question,
                "settings": {key: setting.value for key, setting in self.plan.settings.items()},
                "changes": trial.changes,
                "rows": {str(number): text for number, text in trial.rows.items()},
                "flags": trial.flags,
                "trial threads": trial.threads,
                # A repeat would be its rerun's copy if the cache could take one for the other.
                "name": trial.name,
                "parts": [
                    (span.start, span.stop, self._digests.get(span.start), *span.changes)
                    for span in trial.of(self.plan).trained
                ],
            }
        )

    def _order(self, trial: Trial) -> Order:
        output = self.folder / trial.name
        command = self.options.command
        return Order(
            trial.name,
            output,
            () if command is not None else tuple(self._jobs(trial)),
            trial.of(self.plan).steps,
            self.options.threads if trial.threads is None else trial.threads,
            trial.flags,
            shared=not trial.own_process,
            words=() if command is None else tuple(self._words(trial, output)),
        )

    def _words(self, trial: Trial, output: Path) -> Iterable[str]:
        """The user's command line for one trial."""
        (span,) = self.plan.trained
        known = {key: setting.value for key, setting in self.plan.settings.items()} | dict(trial.changes)
        files = {"base": self.inputs.base, "data": self.inputs.data, "output": output, "stop_at": span.stop}
        return self.options.command.filled({**known, **files}) if self.options.command is not None else ()

    def _jobs(self, trial: Trial) -> Iterable[dict[str, object]]:
        plan = trial.of(self.plan)
        for span in plan.trained:
            output = part_folder(self.folder / trial.name, plan, span)
            resume = self._resumes.get(span.start) if span.resume else None
            yield job(trial.name, output, plan, self.inputs, span, resume, trial.rows, **dict(trial.changes))
