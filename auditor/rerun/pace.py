"""How long and how large a training will be, from two measured steps of it on this machine."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from auditor.model import RerunPlan, Span
from auditor.rerun import cache
from auditor.rerun.bench import Inputs, job
from auditor.rerun.environments import environment
from auditor.rerun.environments.asked import CURRENT
from auditor.rerun.environments.interpreter import Interpreter, interpreter
from auditor.rerun.options import RerunOptions
from auditor.rerun.runner import run_child

STEPS = 3
"""The first step warms up; the two after it are timed."""
WORTH = 150
"""Optimizer steps of all trainings together above which a measurement pays for its own start."""
HEAVY = 500_000_000
"""Bytes of a base's weights from which any training is worth a measurement: a step may take minutes."""
_FILE = "pace.json"
_KILO = 1 if sys.platform == "darwin" else 1024
"""What ru_maxrss counts in, in bytes (getrusage(2))."""


@dataclass(frozen=True, slots=True)
class Pace:
    """``start``: seconds until training begins; ``step``: seconds an optimizer step; ``memory``: bytes resident."""

    start: float
    step: float
    memory: int

    def minutes(self, steps: int, trainings: int) -> float:
        """Minutes of all trainings: two processes start (the warm one, and that of the variation)."""
        return (min(trainings, 2) * self.start + trainings * steps * self.step) / 60

    def budget(self, minutes: float, trainings: int) -> int:
        """Steps of one training that fit so many minutes; one at least."""
        left = minutes * 60 - min(trainings, 2) * self.start
        return max(1, int(left / (trainings * max(self.step, 1e-6)) + 1e-9))

    def says(self, plan: RerunPlan, trainings: int) -> str:
        """The prediction in a sentence."""
        minutes = self.minutes(plan.steps, trainings)
        length = f"{minutes:.0f} minutes" if minutes >= 2 else f"{minutes * 60:.0f} seconds"
        share = plan.coverage.get("steps")
        covered = "" if share is None else f", {share:.0%} of the run"
        return (
            f"measured {self.step:.2g} s a step, {self.start:.0f} s to start and {self.memory / 1e9:.1f} GB of memory: "
            f"{plan.words}{covered} will take about {length}"
        )


@dataclass(slots=True)
class _Clock:
    """When steps were made."""

    started: float = field(default_factory=time.monotonic)
    steps: list[float] = field(default_factory=list)

    def __call__(self, step: int, total: int, loss: float | None, eta: float | None) -> None:
        if step > len(self.steps):
            self.steps.append(time.monotonic())


def is_worth(steps: int, base: Path | None) -> bool:
    """Whether so many optimizer steps of all trainings together, on such a base, are announced by a measurement."""
    return steps >= WORTH or (base is not None and _weights(base) >= HEAVY)


def _weights(base: Path) -> int:
    return sum(path.stat().st_size for path in base.glob("*.safetensors"))


def known_or_measured(
    plan: RerunPlan,
    options: RerunOptions,
    python: Interpreter | None = None,
    hidden: Mapping[str, str] | None = None,
) -> Pace | None:
    """The pace as the cache has it for this recipe, machine and inputs, else measured; None for very short runs."""
    if plan.total_steps < STEPS:
        return None
    python = python or interpreter(plan, CURRENT, lambda _: None)
    question = {
        "pace": STEPS,
        "settings": {key: setting.value for key, setting in plan.settings.items()},
        "inputs": Inputs.of(options).digests(),
        "processor": environment.processor(),
        "versions": python.versions,
        "packages": python.packages,
        "threads": options.threads,
        "hidden": hidden or {},
    }
    name = cache.key(question)
    found = cache.find(name, cache.folder()) if options.cache else None
    if found is not None:
        return Pace(**json.loads((found / _FILE).read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory(prefix="audit-pace-", ignore_cleanup_errors=True) as scratch:
        measured = measure(plan, options, Path(scratch) / "made", python, hidden)
        if measured is not None and options.cache:
            kept = Path(scratch) / "kept"
            kept.mkdir()
            (kept / _FILE).write_text(json.dumps(asdict(measured)), encoding="utf-8")
            cache.store(
                name,
                kept,
                cache.folder(),
                facts={"trial": "pace", "run": plan.run, "steps": f"{STEPS} steps"},
            )
    return measured


def measure(
    plan: RerunPlan,
    options: RerunOptions,
    folder: Path,
    python: Interpreter,
    hidden: Mapping[str, str] | None = None,
) -> Pace | None:
    """Train the first steps of a plan by themselves; None when the run is too short to measure.

    Raises IncompleteError when even these cannot be trained, which then is said before anything else was.
    """
    import resource  # not on every system, and only here

    scratch = folder / "child-pace"
    scratch.mkdir(parents=True)
    order = job("pace", folder / "pace", plan, Inputs.of(options), Span(0, STEPS))
    clock = _Clock()
    run_child(
        [order],
        scratch,
        environment=environment.variables(
            python.variables({**os.environ, **(hidden or {})}), options.threads
        ),
        threads=options.threads,
        steps=STEPS,
        progress=clock,
        timeout=options.limit,
        command=python.command,
        debug=options.debug,
    )
    if len(clock.steps) < STEPS:
        return None
    step = (clock.steps[-1] - clock.steps[0]) / (STEPS - 1)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _KILO
    return Pace(max(0.0, clock.steps[0] - clock.started - step), step, memory)
