"""Runs that were gone on with from weights alone: moments and schedule began anew there, which a rerun does not make.

``save_only_model`` saves no optimizer.pt and no scheduler.pt, and a Trainer that finds none goes on with new ones from
the next step (transformers 5.23.0, trainer.py, ``_load_optimizer_and_scheduler``). The logged rates tell it: from there
on they are those of the schedule's first steps; where all rates are one, the event file that a new process began tells
it (TensorBoardCallback, ``on_train_begin``), and where too few rates were logged, an event file of a process that did
not end beside one of a process that did. The generators began anew, too, so what comes after that step is open, and
what lies before it is judged as ever.
"""

from collections.abc import Mapping, Sequence

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.compare.schedules import Named, of_arguments, why_no_form
from auditor.model import Verdict
from auditor.rerun.judging.curve_gap import first_outside
from auditor.rerun.judging.longer import is_on
from auditor.rerun.judging.opened import first_loss_differs, is_measured, opened
from auditor.rerun.judging.summary import Judged
from auditor.rerun.planning.given import given
from auditor.runs import Run

_LEAST = 2
"""Rates after the step: one alone is the peak, which a schedule may have anywhere."""
_FARTHEST = 100_000
"""Steps that are tried as the beginning."""
_WORK = 300_000
"""Rates that are worked out for them: for most beginnings the first one is off already."""
_Points = Sequence[tuple[int, float]]


def begun_anew(judged: Sequence[Judged], run: Run) -> list[Judged]:
    """The gaps, those after such a step as inconclusive; none where the first loss differs already."""
    accused = any(item.verdict is Verdict.DIVERGED and not item.proved for item in judged)
    if not accused or first_loss_differs(judged):
        return list(judged)
    step, says = _restart(run), ""
    if step is not None:
        says = (
            f"the rates logged after step {step:,} are those of the schedule's first steps, and it has no "
            "optimizer.pt: the run was gone on with from its weights alone, with new moments and generators"
        )
    elif (step := _interrupted(run)) is not None:
        says = (
            f"{run.events[0].path} is of a process that did not reach the end, another one of one that did, and "
            f"save_only_model keeps no optimizer.pt: the run was gone on with from its weights alone after step "
            f"{step:,} or later, with new moments and generators"
        )
    if step is None:
        return list(judged)
    return [opened(item, says) if _begins_after(item, step) else item for item in judged]


def _begins_after(item: Judged, step: int) -> bool:
    """Whether moments, rates or generators decide the value, and it differs after a step alone."""
    gap = item.gap
    if gap.points:
        first = first_outside(gap, max(item.limit, gap.slack))
        return first is not None and first > step and (is_measured(item) or gap.key == "learning_rate")
    decided = is_measured(item) or gap.aspect in ("optimizer", "scheduler", "rng")
    return decided and (gap.step or 0) > step


def _interrupted(run: Run) -> int | None:
    """The first step from which the rates of a second process can be those of the schedule's beginning.

    For runs that logged too seldom for `_restart`: one process logged the ``train_loss`` of the last step, another one
    did not.
    """
    (_, arguments), state = given(run), run.latest(TrainerState)
    total = (state.max_steps or 0) if state is not None else 0
    last = state.global_step if state is not None else None
    ended = [
        log for log in run.events if any(at.step == last for at in log.scalars.get("train/train_loss", ()))
    ]
    stateless = not any(folder.one(OptimizerState) for folder in run.folders)
    if arguments.get("save_only_model") is not True or not stateless or len(ended) in (0, len(run.events)):
        return None
    points = [
        (point.step, point.value) for log in ended for point in log.scalars.get("train/learning_rate", ())
    ]
    named = of_arguments(arguments, total)
    if not points:
        return 0
    if isinstance(named, str) or why_no_form(named.kind, named.schedule):
        return None
    left = _WORK
    for start in range(min(min(step for step, _ in points), _FARTHEST)):
        for late in (0, 1):
            moved = ((at - late - start, rate) for at, rate in points)
            fits = next((number for number, point in enumerate(moved, 1) if not is_on(named, point)), None)
            if fits is None:
                return start
            left -= fits
        if left < 0:
            return None
    return None


def _restart(run: Run) -> int | None:
    """The step after which the logged rates are those of the schedule from its beginning; None where there is none."""
    (_, arguments), state = given(run), run.latest(TrainerState)
    total = (state.max_steps or 0) if state is not None else 0
    if state is None or total < 1:
        return None
    points = sorted(state.logged("learning_rate"))
    # The row of a step has the rate after it, or in releases that log before the scheduler moves on the one of it.
    found = (
        _split(run, [(step - late, rate) for step, rate in points], arguments, total, late) for late in (0, 1)
    )
    return next((step for step in found if step is not None), None)


def _split(run: Run, points: _Points, arguments: Mapping[str, object], total: int, late: int) -> int | None:
    named = of_arguments(arguments, total)
    if isinstance(named, str) or why_no_form(named.kind, named.schedule) or not points or points[0][0] < 0:
        return None
    off = next((number for number, point in enumerate(points) if not is_on(named, point)), None)
    kept = {folder.step: folder.one(OptimizerState) is not None for folder in run.checkpoints if folder.step}
    stateless = [step for step in sorted(kept, reverse=True) if not kept[step]]
    if off is None:
        tried = [step for step in stateless if _in_two_files(run, step)]
    elif off == 0 or len(points) - off < _LEAST:
        return None
    else:
        last = points[off - 1][0] + late
        tried = [step for step in stateless if step <= last] + ([last] if last not in kept else [])
    return next((step for step in tried if _all_anew(named, points, step, late)), None)


def _all_anew(named: Named, points: _Points, step: int, late: int) -> bool:
    return all(is_on(named, (at - step, rate)) for at, rate in points if at + late > step)


def _in_two_files(run: Run, step: int) -> bool:
    """Whether one event file logs steps up to this one, and another one steps after it alone."""
    logged = [[point.step for point in log.scalars.get("train/loss", ())] for log in run.events]
    return any(steps and max(steps) <= step for steps in logged) and any(
        steps and min(steps) > step for steps in logged
    )
