"""How long and how large a training will be, from two measured steps of it; kept for the next time."""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import ceil
from pathlib import Path

from auditor.model import Prediction, RerunPlan
from auditor.rerun import cache
from auditor.rerun.environments import environment
from auditor.rerun.environments.asked import CURRENT
from auditor.rerun.options import RerunOptions

STEPS = 3
"""The first step warms up; the two after it are timed."""
_FILE = "pace.json"


@dataclass(frozen=True, slots=True)
class Pace:
    """What a training takes on the machine that was measured.

    ``start``: seconds until a new process makes its first step; ``again``: the same of a further training in it;
    ``step``: seconds an optimizer step; ``memory`` and ``gpu``: bytes at most (None: not told, or no GPU); ``widest``:
    tokens of the longest row of the measured batches; ``longest``: of all rows (None: not told).
    """

    start: float
    step: float
    memory: int | None = None
    gpu: int | None = None
    again: float = 0.0
    widest: int = 0
    longest: int | None = None

    def seconds(self, plan: RerunPlan, crew: "Crew") -> float:
        """Seconds that all trainings of a plan take."""
        made = crew.rounds * (plan.steps * self.step + len(plan.trained) * self.again)
        return made + crew.starts * max(0.0, self.start - self.again)

    def budget(self, seconds: float, crew: "Crew") -> int:
        """Steps of one training that fit so many seconds; one at least."""
        left = seconds - crew.starts * max(0.0, self.start - self.again) - crew.rounds * self.again
        return max(1, int(left / (crew.rounds * max(self.step, 1e-6)) + 1e-9))

    def of(self, plan: RerunPlan, crew: "Crew") -> RerunPlan:
        """The plan with what its trainings will take."""
        seconds = self.seconds(plan, crew)
        return replace(
            plan,
            prediction=Prediction(
                seconds, crew.trainings, self.step, self.start, self.memory, self.gpu, self.longer
            ),
        )

    @property
    def longer(self) -> tuple[int, int] | None:
        """Tokens of the longest row measured and of the longest there is, where that one is longer."""
        longest = self.longest
        return (self.widest, longest) if longest is not None and longest > self.widest else None


@dataclass(frozen=True, slots=True)
class Crew:
    """How a plan's trainings are spread: how many, how many one after the other, how many processes start in a row."""

    trainings: int
    rounds: int
    starts: int
    side_by_side: int

    @classmethod
    def of(cls, options: RerunOptions, *, warm: bool = False) -> "Crew":
        """One warm process here and that of the variation; elsewhere one for each training.

        ``warm`` says that the process that trained the measured steps is still there.
        """
        trainings = options.repeats + options.variation
        remote = options.where.is_remote
        lanes = min(options.jobs or (trainings if remote else 1), trainings)
        rounds = ceil(trainings / lanes)
        starts = rounds if remote else min(rounds, 2)
        return cls(trainings, rounds, starts - (warm and not remote and lanes == 1), lanes)


def known(plan: RerunPlan, options: RerunOptions, device: str | None) -> Pace | None:
    """What was measured before for this recipe, these inputs and this machine; None where nothing was.

    ``device`` is cuda, cpu or None (not known) by what made the audited run.
    """
    if not options.cache:
        return None
    found = cache.find(_key(plan, options, device), cache.folder())
    if found is None:
        return None
    try:
        return Pace(**json.loads((found / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def keep(pace: Pace, plan: RerunPlan, options: RerunOptions, device: str | None) -> None:
    """Leave what was measured for the next time."""
    if not options.cache:
        return
    with tempfile.TemporaryDirectory(prefix="audit-pace-", ignore_cleanup_errors=True) as scratch:
        (Path(scratch) / _FILE).write_text(json.dumps(asdict(pace)), encoding="utf-8")
        facts = {"trial": "pace", "run": plan.run, "steps": f"{STEPS} steps"}
        cache.store(_key(plan, options, device), Path(scratch), cache.folder(), facts=facts)


def predicted(plan: RerunPlan, options: RerunOptions, device: str | None) -> RerunPlan:
    """The plan with what was measured before, where it was; nothing is trained or imported for it."""
    if options.command is not None or plan.obstacles or plan.steps < STEPS or not cache.folder().is_dir():
        return plan
    pace = known(plan, options, device)
    return plan if pace is None else pace.of(plan, Crew.of(options))


def says(plan: RerunPlan, *, earlier: bool = True) -> str:
    """The prediction of a plan in a sentence; nothing where it has none. ``earlier`` says that another rerun measured.

    One training of several may need the memory, so it is that of each.
    """
    made = plan.prediction
    if made is None:
        return ""
    memory = [f"{made.memory / 1e9:.1f} GB of memory"] if made.memory is not None else []
    memory += [f"{made.gpu_memory / 1e9:.1f} GB of the GPU's"] if made.gpu_memory is not None else []
    more = ""
    if made.longer is not None:
        more = "; rows of {1:,} tokens, which were not measured, need more memory than those of {0:,}".format(
            *made.longer
        )
    share = plan.coverage.get("steps")
    covered = "" if share is None or plan.span == "whole" else f" ({share:.0%} of its steps)"
    times = "once" if made.trainings == 1 else f"{made.trainings} times"
    figures = ", ".join([f"{made.start:.0f} s to start", *memory])
    return (
        f"{'measured earlier' if earlier else 'measured'}: {made.step:.2g} s a step, {figures}{more}: "
        f"{plan.words}{covered}, trained {times}, will take about {_length(made.seconds)}"
    )


def _length(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{max(1.0, seconds):.0f} seconds"


def _key(plan: RerunPlan, options: RerunOptions, device: str | None) -> str:
    """What a pace is known by: names and sizes of the inputs' files are enough for it, and soon read."""
    inputs = {"base": options.base, "data": options.data, "tokenizer": options.tokenizer}
    releases: Mapping[str, object] = {name: setting.value for name, setting in plan.libraries.items()}
    if options.environment == CURRENT:
        releases = _installed(environment.libraries_of(plan))
    return cache.key(
        {
            "pace": STEPS,
            "settings": {key: setting.value for key, setting in plan.settings.items()},
            "inputs": {name: _sizes(path) for name, path in inputs.items() if path is not None},
            "environment": options.environment,
            "releases": releases,
            "processor": environment.processor(),
            "GPUs": environment.gpus_of_system(),
            "devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "arithmetic": environment.arithmetic(os.environ),
            "threads": options.threads,
            "where": options.where.text,
            "device": device,
        }
    )


def _installed(libraries: tuple[str, ...]) -> dict[str, str]:
    """The release of each library by the name of its folder of metadata, which is read without importing anything."""
    found: dict[str, str] = {}
    for folder in map(Path, sys.path):
        for path in sorted(folder.glob("*.dist-info")) if folder.is_dir() else ():
            name, _, release = path.name.removesuffix(".dist-info").partition("-")
            if name in libraries:
                found.setdefault(name, release)
    return found


def _sizes(path: Path) -> list[tuple[str, int]]:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return [(file.relative_to(path.parent).as_posix(), file.stat().st_size) for file in files]
