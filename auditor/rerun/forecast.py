"""What a rerun will take, told before it starts: measured in the process that then trains, or known from before."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from auditor.model import RerunPlan, Span
from auditor.rerun import pace
from auditor.rerun.bench import Bench
from auditor.rerun.environments import environment
from auditor.rerun.fleet.order import Order
from auditor.rerun.jobs import job
from auditor.rerun.options import RerunOptions
from auditor.rerun.pace import Crew, Pace

HEAVY = 500_000_000
"""Bytes of a base's weights from which three steps may take minutes, so that they are announced."""
_NAME = "pace"

Tell = Callable[[str], None]


def settle(bench: Bench, fitted: Callable[[int], RerunPlan], is_kept: Callable[[], bool], tell: Tell) -> None:
    """Choose the span by the minutes given, and tell what the trainings will take, before the first of them.

    ``fitted`` gives the plan for a number of steps; ``is_kept`` says whether every training is in the cache, so that
    none is made. Raises IncompleteError when even the measured steps cannot be trained.
    """
    options, plan = bench.options, bench.plan
    reason = unmeasured(plan, options)
    found = None if reason is not None else pace.known(plan, options, bench.site.device)
    warm = False
    if by_minutes(options) and reason is None:
        if found is None:
            found, warm = measure(bench, tell), True
        left = bench.left()
        if found is not None and left is not None:
            bench.plan = fitted(found.budget(left, Crew.of(options, warm=warm)))
    bench.prepare()
    reason = reason or unmeasured(bench.plan, options)
    if is_kept():
        tell("its trainings are kept from an earlier rerun, and are not made again")
        return
    if reason is None and found is None:
        found, warm = measure(bench, tell), True
    if found is None:
        tell(f"not measured beforehand: {reason or 'the first steps told nothing'}")
        return
    crew = Crew.of(options, warm=warm)
    bench.plan = found.of(bench.plan, crew)
    tell(pace.says(bench.plan, earlier=not warm))
    if (more := beyond(found, crew, options, warm=warm)) is not None:
        tell(more)


def unmeasured(plan: RerunPlan, options: RerunOptions) -> str | None:
    """Why no steps of a plan are measured; None where they are."""
    if options.command is not None:
        return "a script of your own trains in one piece, of which no steps can be measured"
    if plan.steps < pace.STEPS:
        return f"that takes {pace.STEPS} steps, more than there are"
    return None


def by_minutes(options: RerunOptions) -> bool:
    """Whether minutes alone choose the span."""
    free = options.steps is None and options.coverage is None and options.span == "auto"
    return options.minutes is not None and free


def measure(bench: Bench, tell: Tell) -> Pace | None:
    """Train the first steps by themselves, in the process that trains afterwards, and keep nothing but their figures.

    Raises IncompleteError when even these cannot be trained, which then is said before anything else was.
    """
    options, plan, output = bench.options, bench.plan, bench.folder / _NAME
    if _weights(options.base) >= HEAVY:
        tell(f"the first {pace.STEPS} steps are trained once more beforehand, to tell how long all will take")
    entry = {**job(_NAME, output, plan, bench.inputs, Span(0, pace.STEPS)), "measured": True}
    ended = bench.carry_out(Order(_NAME, output, (entry,), pace.STEPS, options.threads))
    if ended.error is not None:
        raise ended.error
    found = _read(output / "pace.json")
    shutil.rmtree(output, ignore_errors=True)
    if found is not None:
        pace.keep(found, plan, options, bench.site.device)
    return found


def _read(path: Path) -> Pace | None:
    """What the child wrote; None where it made fewer steps than were asked for, or wrote nothing."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        ends = told["ends"]
        step = (ends[pace.STEPS - 1] - ends[0]) / (pace.STEPS - 1)
        start = max(0.0, ends[0] - step)
        return Pace(
            start, step, told["resident"], told["gpu"], told["again"], told["widest"], told["longest"]
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def beyond(found: Pace, crew: Crew, options: RerunOptions, *, warm: bool) -> str | None:
    """That what was measured is more than the memory that is free here; None where it is not, or nobody knows."""
    free = environment.free_memory()
    if found.memory is None or free is None or options.where.is_remote:
        return None
    free += found.memory if warm else 0  # the process that was measured still holds its own
    needed = found.memory * crew.side_by_side
    if needed <= free:
        return None
    fewer = int(free / found.memory)
    fits = f"--jobs {fewer} needs less" if crew.side_by_side > fewer > 0 else "no shorter span needs less"
    return f"{needed / 1e9:.1f} GB are more memory than the {free / 1e9:.1f} GB that are free: {fits}"


def _weights(base: Path | None) -> int:
    return 0 if base is None else sum(path.stat().st_size for path in base.glob("*.safetensors"))
