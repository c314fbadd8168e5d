"""Where the trainings of one experiment are made: one warm child, children of their own, the cache, the clock."""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditor.errors import UsageError
from auditor.model import RerunPlan, Span
from auditor.rerun import cache, environment
from auditor.rerun.command import Command, run
from auditor.rerun.followed import Followed
from auditor.rerun.methods import base_files
from auditor.rerun.options import Progress, RerunOptions
from auditor.rerun.outputs import Output, read_output
from auditor.rerun.runner import COMMAND, Child
from auditor.rerun.trials import Trial, part_folder

MANIFEST = "experiment.json"
Resumes = Callable[[Span, Path], None]
"""Writes the states that a part goes on from into a new folder. Raises IncompleteError."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files a training reads, as absolute paths."""

    base: Path
    data: Path
    tokenizer: Path | None

    @classmethod
    def of(cls, options: RerunOptions) -> "Inputs":
        """The inputs a user gave. Raises UsageError when base or data are missing."""
        if options.base is None or options.data is None:
            missing = "--base DIR" if options.base is None else "--data PATH"
            raise UsageError(f"a rerun needs {missing}", "give the base model's folder and the training data")
        tokenizer = options.tokenizer.resolve() if options.tokenizer else None
        return cls(options.base.resolve(), options.data.resolve(), tokenizer)

    def digests(self) -> Mapping[str, str]:
        """The digest of every input by name. Raises UsageError when one cannot be read."""
        paths = {"base": self.base, "data": self.data, "tokenizer": self.tokenizer}
        return {name: cache.digest_of(path) for name, path in paths.items() if path is not None}


def job(
    name: str,
    output: Path,
    plan: RerunPlan,
    inputs: Inputs,
    span: Span | None = None,
    resume: Path | None = None,
    rows: Mapping[int, str] | None = None,
    **changed: object,
) -> dict[str, object]:
    """One entry of JOB.json: the plan's settings, with some changed."""
    settings = {key: setting.value for key, setting in plan.settings.items()}
    part = span or plan.trained[0]
    return {
        "name": name,
        "output": str(output),
        "base": str(inputs.base),
        "tokenizer": None if inputs.tokenizer is None else str(inputs.tokenizer),
        "data": str(inputs.data),
        "settings": {**settings, **changed},
        "start_at": part.start,
        "stop_at": part.stop,
        "resume": None if resume is None else str(resume),
        "rows": {str(number): text for number, text in (rows or {}).items()},
        # Kept activations give the same bits in half the time; a GPU too small for them falls back by itself.
        "drop_checkpointing": settings.get("gradient_checkpointing") is True,
        "digests": True,
        "report_to": [],
    }


@dataclass(slots=True)
class Bench:
    """Everything one experiment is made with, and what was made so far.

    A context manager: leaving it ends the warm child and removes what trainings do not leave to users.
    """

    plan: RerunPlan
    options: RerunOptions
    inputs: Inputs
    folder: Path
    surroundings: Mapping[str, str]
    progress: Progress
    question: Mapping[str, object]
    command: Sequence[str] = COMMAND
    followed: Followed = field(default_factory=lambda: Followed(0))
    started: float = field(default_factory=time.monotonic)
    _warm: Child | None = None
    _resumes: dict[int, Path] = field(default_factory=dict)
    _digests: dict[int, str] = field(default_factory=dict)
    _made: list[dict[str, object]] = field(default_factory=list)
    _scratch: list[Path] = field(default_factory=list)

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *error: object) -> None:
        if self._warm is not None:
            self._warm.__exit__(*error)
        # What a failed child printed stays for whoever keeps the folder.
        for path in (*self._resumes.values(), *(self._scratch if error[0] is None else ())):
            shutil.rmtree(path, ignore_errors=True)

    def prepare(self, resumes: Resumes | None) -> None:
        """Write the states that parts resume from, once for all trainings."""
        for span in self.plan.trained:
            if span.resume is not None and resumes is not None:
                target = self.folder / f"resume-{span.start}"
                target.mkdir(parents=True)
                self._resumes[span.start] = target
                resumes(span, target)
                self._digests[span.start] = cache.digest_of(target)

    def expect(self, trainings: int) -> None:
        """Count trainings that are to come, for the progress."""
        self.followed.total += trainings * self.plan.steps
        if not self.followed.step:
            self.progress(0, self.followed.total, None, None)

    def train(self, trials: Sequence[Trial]) -> tuple[Output, ...]:
        """Train what the cache does not hold; returns the outputs in the order asked for."""
        keys = {trial.name: self._key(trial) for trial in trials}
        found = {
            trial.name: known
            for trial in trials
            if self.options.cache and (known := cache.find(keys[trial.name], cache.folder())) is not None
        }
        missing = [trial for trial in trials if trial.name not in found]
        for group in _groups(missing):
            self._run(group)
            for trial in group if self.options.cache else ():
                cache.store(
                    keys[trial.name],
                    self.folder / trial.name,
                    cache.folder(),
                    facts={"trial": trial.name, "run": self.plan.run, "steps": self.plan.words},
                )
        for name, known in found.items():
            self.followed.total -= self.plan.steps
            if self.options.keep is not None:
                shutil.copytree(known, self.folder / name, dirs_exist_ok=True)
        return tuple(self._read(trial, found.get(trial.name, self.folder / trial.name)) for trial in trials)

    def write_manifest(self) -> None:
        """Leave a list of the trainings beside them, for people."""
        text = json.dumps({"trials": self._made, "inputs": self.question["inputs"]}, indent=2)
        (self.folder / MANIFEST).write_text(text, encoding="utf-8")

    def _read(self, trial: Trial, folder: Path) -> Output:
        parts = [(span, part_folder(folder, self.plan, span)) for span in self.plan.trained]
        self._made.append({"name": trial.name, "role": trial.role, "says": trial.says})
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
                    (span.start, span.stop, self._digests.get(span.start)) for span in self.plan.trained
                ],
            }
        )

    def _command(self, command: Command, trial: Trial) -> None:
        """Let the user's script train one trial into its folder."""
        (span,) = self.plan.trained
        scratch, output = self.folder / f"child-{trial.name}", self.folder / trial.name
        scratch.mkdir(parents=True)
        self._scratch.append(scratch)
        known = {key: setting.value for key, setting in self.plan.settings.items()} | dict(trial.changes)
        files = {"base": self.inputs.base, "data": self.inputs.data, "output": output, "stop_at": span.stop}
        threads = self.options.threads if trial.threads is None else trial.threads
        run(
            command.filled({**known, **files}),
            output,
            scratch,
            environment=command.environment(environment.variables(self.surroundings, threads, trial.flags)),
            timeout=self._left(),
        )
        self.followed.step += self.plan.steps
        self.progress(self.followed.step, self.followed.total, None, None)

    def _run(self, trials: Sequence[Trial]) -> None:
        if self.options.command is not None:
            for trial in trials:
                self._command(self.options.command, trial)
            return
        jobs = [order for trial in trials for order in self._orders(trial)]
        if trials[0].own_process:
            threads = self.options.threads if trials[0].threads is None else trials[0].threads
            with self._child(trials[0].name, threads, trials[0].flags) as child:
                child.train(jobs, self.followed, self.progress, self._left(), last=True)
            return
        if self._warm is None:
            self._warm = self._child("warm", self.options.threads, {})
        self._warm.train(jobs, self.followed, self.progress, self._left())

    def _child(self, name: str, threads: int, flags: Mapping[str, str]) -> Child:
        scratch = self.folder / f"child-{name}"
        scratch.mkdir(parents=True)
        self._scratch.append(scratch)
        return Child(
            scratch,
            environment=environment.variables(self.surroundings, threads, flags),
            threads=threads,
            command=self.command,
            debug=self.options.debug,
        )

    def _orders(self, trial: Trial) -> Iterable[dict[str, object]]:
        for span in self.plan.trained:
            output = part_folder(self.folder / trial.name, self.plan, span)
            resume = self._resumes.get(span.start) if span.resume else None
            yield job(
                trial.name, output, self.plan, self.inputs, span, resume, trial.rows, **dict(trial.changes)
            )

    def _left(self) -> float | None:
        """Seconds until the limit; None when there is none."""
        limit = self.options.limit
        return None if limit is None else max(0.0, self.started + limit - time.monotonic())


def _groups(trials: Sequence[Trial]) -> Iterable[Sequence[Trial]]:
    """What one process trains: everything under the experiment's own environment, and each other by itself."""
    shared = [trial for trial in trials if not trial.own_process]
    if shared:
        yield shared
    yield from ([trial] for trial in trials if trial.own_process)
