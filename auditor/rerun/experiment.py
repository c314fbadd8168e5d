"""Trains a plan, its repeat and its variation, and hands back what they left."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from auditor import __version__
from auditor.errors import IncompleteError, UsageError
from auditor.model import RerunPlan
from auditor.rerun import cache, environment
from auditor.rerun.options import Progress, RerunOptions
from auditor.rerun.outputs import RERUN, Outputs, read_output
from auditor.rerun.runner import EndedEarlyError, run_child

MANIFEST = "experiment.json"


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


def job(name: str, output: Path, plan: RerunPlan, inputs: Inputs, **changed: object) -> dict[str, object]:
    """One entry of JOB.json: the plan's settings, with some changed."""
    settings = {key: setting.value for key, setting in plan.settings.items()}
    return {
        "name": name,
        "output": str(output),
        "base": str(inputs.base),
        "tokenizer": None if inputs.tokenizer is None else str(inputs.tokenizer),
        "data": str(inputs.data),
        "settings": {**settings, **changed},
        "stop_at": plan.stop_at,
        "digests": True,
        "report_to": [],
    }


@contextmanager
def _child_folder(folder: Path, name: str) -> Iterator[Path]:
    """Where a child finds its orders and leaves its stderr; removed when it succeeded."""
    made = folder / f"child-{name}"
    made.mkdir(parents=True)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def run(
    plan: RerunPlan, options: RerunOptions, progress: Progress, folder: Path, device: str | None = None
) -> Outputs:
    """Train everything into ``folder``, or find it in the cache.

    ``device`` cpu hides this machine's GPUs, whose generators draw other dropout masks than a CPU's. Raises
    UsageError when the libraries are missing, IncompleteError when training did not finish.
    """
    inputs, versions = Inputs.of(options), environment.versions(environment.libraries_of(plan))
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}
    digests, store = inputs.digests(), cache.folder()
    name = cache.key({**_question(plan, options, versions), "inputs": digests, "hidden": hidden})
    found = cache.find(name, store) if options.cache else None
    if found is not None:
        if options.keep is not None:
            shutil.copytree(found, folder, dirs_exist_ok=True)
        return load(found)
    _train(_Bench(plan, options, inputs, folder, {**os.environ, **hidden}, progress), digests)
    if options.cache:
        cache.store(name, folder, store)
    return load(folder)


def _question(plan: RerunPlan, options: RerunOptions, versions: Mapping[str, str]) -> Mapping[str, object]:
    """Everything besides the inputs' bytes that decides what a training gives."""
    return {
        "auditor": __version__,
        "settings": {key: setting.value for key, setting in plan.settings.items()},
        "stop_at": plan.stop_at,
        "versions": versions,
        "processor": environment.processor(),
        "arithmetic": environment.arithmetic(os.environ),
        "devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "threads": options.threads,
        "repeats": options.repeats,
        "variation": options.variation,
    }


@dataclass(slots=True)
class _Bench:
    """Everything one experiment is made with, and the optimizer steps made so far."""

    plan: RerunPlan
    options: RerunOptions
    inputs: Inputs
    folder: Path
    surroundings: Mapping[str, str]
    progress: Progress
    done: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def total(self) -> int:
        """Optimizer steps of all trainings."""
        return self.plan.stop_at * (self.options.repeats + self.options.variation)

    def child(
        self,
        names: Sequence[str],
        threads: int,
        flags: Mapping[str, str] | None = None,
        **changed: object,
    ) -> None:
        """Train one or more jobs of the plan in one child, with some settings changed."""
        jobs = [job(name, self.folder / name, self.plan, self.inputs, **changed) for name in names]
        with _child_folder(self.folder, names[0]) as scratch:
            run_child(
                jobs,
                scratch,
                environment=environment.variables(self.surroundings, threads, flags),
                threads=threads,
                steps=self.total,
                before=self.done,
                progress=self.progress,
                timeout=self._left(),
                debug=self.options.debug,
            )
        self.done += self.plan.stop_at * len(jobs)

    def _left(self) -> float | None:
        """Seconds until the limit; None when there is none."""
        limit = self.options.limit
        return None if limit is None else max(0.0, self.started + limit - time.monotonic())


def _train(bench: _Bench, digests: Mapping[str, str]) -> None:
    """The children one after the other: first the rerun and its repeats, then the variation."""
    bench.progress(0, bench.total, None, None)
    repeats = [f"repeat-{number}" for number in range(1, bench.options.repeats)]
    bench.child([RERUN, *repeats], bench.options.threads)
    manifest: dict[str, object] = {"repeats": repeats, "variations": {}, "notes": [], "inputs": digests}
    if bench.options.variation:
        try:
            manifest["variations"] = {"variation": _vary(bench)}
        except EndedEarlyError:
            raise
        except IncompleteError as error:
            says = f"the variation could not be trained, so no noise was measured: {error.message}"
            manifest["notes"] = [says]
    (bench.folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def _vary(bench: _Bench) -> str:
    """Train the stand-in for another machine; returns what was varied.

    On a CPU another instruction set and thread count, on a GPU another attention kernel.
    """
    recorded = read_output(RERUN, bench.folder / RERUN).json("environment.json")
    facts = recorded if isinstance(recorded, dict) else {}
    if str(facts.get("device", "cpu")) == "cpu":
        varied = environment.variation(bench.options.threads, inherited=bench.surroundings)
        bench.child(["variation"], varied.threads, varied.variables)
        return varied.says
    other = "sdpa" if bench.plan.settings["attn_implementation"].value == "eager" else "eager"
    bench.child(["variation"], bench.options.threads, attn_implementation=other)
    return f"{other} attention"


def load(folder: Path) -> Outputs:
    """Read an experiment's folders by its manifest."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return Outputs(
        read_output(RERUN, folder / RERUN),
        tuple(read_output(name, folder / name, "the same settings") for name in manifest["repeats"]),
        tuple(read_output(name, folder / name, says) for name, says in manifest["variations"].items()),
        tuple(manifest["notes"]),
        manifest["inputs"],
    )
