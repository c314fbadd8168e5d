"""Trains a plan, its repeat and its variation, and hands back what they left."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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

    def paths(self) -> tuple[Path, ...]:
        """Every input."""
        return tuple(path for path in (self.base, self.data, self.tokenizer) if path is not None)


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


class _Clock:
    """Adds up the progress of several children, and the time they may still take."""

    def __init__(self, progress: Progress, total: int, timeout: float | None) -> None:
        self.done = 0
        self._progress, self._total = progress, total
        self._end = None if timeout is None else time.monotonic() + timeout

    def tell(self, step: int, total: int, loss: float | None, eta: float | None) -> None:
        """Pass on one child's progress as a part of the whole, its pace taken for that of the rest."""
        rest = self._total - self.done - step
        left = None if eta is None or total == step else eta / (total - step) * rest
        self._progress(self.done + step, self._total, loss, left)

    def left(self) -> float | None:
        """Seconds until the timeout; None when there is none."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())


@contextmanager
def _child_folder(folder: Path, name: str) -> Iterator[Path]:
    """Where a child finds its orders and leaves its stderr; removed when it succeeded."""
    made = folder / f"child-{name}"
    made.mkdir(parents=True)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def run(plan: RerunPlan, options: RerunOptions, progress: Progress, folder: Path) -> Outputs:
    """Train everything into ``folder``, or find it in the cache.

    Raises UsageError when the libraries are missing, IncompleteError when training did not finish.
    """
    inputs, versions = Inputs.of(options), environment.versions()
    name, store = "", cache.folder()
    if options.cache:
        name = cache.key(_question(plan, options, versions), inputs.paths())
        found = cache.find(name, store)
        if found is not None:
            return load(found)
    _train(plan, options, inputs, progress, folder)
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


def _train(plan: RerunPlan, options: RerunOptions, inputs: Inputs, progress: Progress, folder: Path) -> None:
    """The children one after the other: first the rerun and its repeats, then the variation."""
    names = [RERUN, *(f"repeat-{number}" for number in range(1, options.repeats))]
    total = plan.stop_at * (len(names) + options.variation)
    clock = _Clock(progress, total, options.timeout)
    progress(0, total, None, None)
    jobs = [job(name, folder / name, plan, inputs) for name in names]
    with _child_folder(folder, "main") as scratch:
        run_child(
            jobs,
            scratch,
            environment=environment.variables(os.environ, options.threads),
            threads=options.threads,
            steps=plan.stop_at * len(jobs),
            progress=clock.tell,
            timeout=clock.left(),
            debug=options.debug,
        )
    clock.done = plan.stop_at * len(jobs)
    manifest: dict[str, object] = {"repeats": names[1:], "variations": {}, "notes": []}
    if options.variation:
        try:
            manifest["variations"] = {"variation": _vary(plan, options, inputs, clock, folder)}
        except EndedEarlyError:
            raise
        except IncompleteError as error:
            manifest["notes"] = [
                f"the variation could not be trained, so no noise was measured: {error.message}"
            ]
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def _vary(plan: RerunPlan, options: RerunOptions, inputs: Inputs, clock: "_Clock", folder: Path) -> str:
    """Train the stand-in for another machine; returns what was varied.

    On a CPU another instruction set and thread count, on a GPU another attention kernel.
    """
    recorded = read_output(RERUN, folder / RERUN).json("environment.json")
    facts = recorded if isinstance(recorded, dict) else {}
    changed: dict[str, object] = {}
    if str(facts.get("device", "cpu")) == "cpu":
        varied = environment.variation(options.threads, inherited=os.environ)
        says, flags, threads = varied.says, varied.variables, varied.threads
    else:
        attention = plan.settings["attn_implementation"].value
        changed = {"attn_implementation": "sdpa" if attention == "eager" else "eager"}
        says, flags, threads = f"{changed['attn_implementation']} attention", {}, options.threads
    with _child_folder(folder, "variation") as scratch:
        run_child(
            [job("variation", folder / "variation", plan, inputs, **changed)],
            scratch,
            environment=environment.variables(os.environ, threads, flags),
            threads=threads,
            steps=plan.stop_at,
            progress=clock.tell,
            timeout=clock.left(),
            debug=options.debug,
        )
    return says


def load(folder: Path) -> Outputs:
    """Read an experiment's folders by its manifest."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return Outputs(
        read_output(RERUN, folder / RERUN),
        tuple(read_output(name, folder / name, "the same settings") for name in manifest["repeats"]),
        tuple(read_output(name, folder / name, says) for name, says in manifest["variations"].items()),
        tuple(manifest["notes"]),
    )
