"""Runs that were gone on with for another number of steps or another batch, where no checkpoint of before tells it.

`save_total_limit` deletes old checkpoints, and with them the total that their steps were made for
(`planning.gone_on` reads it where they are there). The logged rates still tell it: up to a step they are those of the
schedule over another total, from there on those of the schedule that the arguments ask for. The rates alone cannot
show that nothing else was otherwise, so what follows from them is open.
"""

import math
from collections.abc import Mapping, Sequence

from auditor.artifacts.trainer_state import TrainerState
from auditor.compare.schedules import Named, of_arguments, rate, why_no_form
from auditor.model import RerunPlan, Verdict
from auditor.rerun.judging.opened import first_loss_differs, opened
from auditor.rerun.judging.summary import Judged, is_computed
from auditor.rerun.planning.given import given
from auditor.rerun.planning.gone_on import batch_before, before
from auditor.runs import Run

_LEAST = 2
"""Rates on either side: one alone lies on the schedule of some total."""
_MOST = 50_000
"""Totals that are tried."""
_WORK = 300_000
"""Rates that are worked out for them: of most totals the first one is off already."""
_CLOSE = 1e-6
"""Relative: logs are JSON with all digits, or event files in float32."""
_GONE = ", and no checkpoint of before is"
_PADDED = frozenset(("train_batch_size", "num_input_tokens_seen"))
"""Fields of trainer_state.json that another batch changes: its own, and a count that may hold the pads."""
_Points = Sequence[tuple[int, float]]


def gone_on(judged: Sequence[Judged], run: Run, plan: RerunPlan) -> list[Judged]:
    """The gaps, those that another beginning explains as inconclusive; none where the first loss differs already."""
    accused = any(item.verdict is Verdict.DIVERGED and not item.proved for item in judged)
    told = max(before(run), default=0)
    if not accused or first_loss_differs(judged) or (plan.span == "segments" and not told):
        return list(judged)
    longer, batch = _longer(run, told), _batch(run)
    return [
        _opened(item, longer if longer and _has_rates(item) and _is_behind(item, told) else batch)
        for item in judged
    ]


def _opened(item: Judged, says: str | None) -> Judged:
    return item if says is None or not _follows(item) else opened(item, says)


def _has_rates(item: Judged) -> bool:
    """Whether the value follows from learning rates."""
    return is_computed(item) or item.gap.key == "learning_rate"


def _is_behind(item: Judged, step: int) -> bool:
    """Whether the value is of a later step."""
    return item.gap.step is None or item.gap.step > step


def _follows(item: Judged) -> bool:
    """Whether rates, or how many rows are padded and masked together, decide the value, and it was measured."""
    gap = item.gap
    if gap.aspect in ("rng", "flops", "tokens") or (gap.counters and _PADDED.issuperset(gap.counters)):
        return True
    return _has_rates(item) and gap.distance is not None and math.isfinite(gap.distance)


def _batch(run: Run) -> str | None:
    """That the micro-batch was another one before."""
    kept = batch_before(run)
    if kept is None:
        return None
    return (
        f"the state counts batches of {kept:,}, as resuming leaves it where that many were asked for before: the run "
        "was gone on with another batch, and no checkpoint of before is there"
    )


def _longer(run: Run, told: int) -> str | None:
    """That the run was gone on with, and from where; None where the rates do not tell it, or a checkpoint does.

    ``told`` is the step of the last checkpoint from before. Where the rates are its own for longer, another is missing.
    """
    (_, arguments), state = given(run), run.latest(TrainerState)
    total = (state.max_steps or 0) if state is not None else 0
    if state is None or total < 1:
        return None
    points = sorted(state.logged("learning_rate"))
    # The row of a step has the rate after it, or in releases that log before the scheduler moves on the one of it.
    for late in (0, 1):
        found = _split([(step - late, value) for step, value in points], arguments, total)
        if found is not None:
            last, other = found
            if told and (last <= told or dict(before(run)[told]).get("max_steps") != other):
                return None
            where = f" from a checkpoint after checkpoint-{told}, and that one is not" if told else _GONE
            return (
                f"the rates logged up to step {last + late:,} are those of a schedule of {other:,} steps, and the rest "
                f"those of {total:,}: the run was gone on with{where} there"
            )
    return None


def _split(points: _Points, arguments: Mapping[str, object], total: int) -> tuple[int, int] | None:
    """The last scheduler step with a rate of another total, and that total."""
    named = of_arguments(arguments, total)
    if isinstance(named, str) or why_no_form(named.kind, named.schedule) or not points or points[0][0] < 0:
        return None
    off = [number for number, point in enumerate(points) if not is_on(named, point)]
    if len(off) < _LEAST or len(points) - 1 - off[-1] < _LEAST:
        return None
    first, last, left = points[off[-1] :: -1], points[off[-1]][0], _WORK
    for other in range(max(last, 1), last + _MOST):
        theirs = of_arguments(arguments, other)
        if other == total or isinstance(theirs, str):
            continue
        fits = next((number for number, point in enumerate(first) if not is_on(theirs, point)), None)
        if fits is None:
            return last, other
        left -= fits + 1
        if left < 0:
            return None
    return None


def is_on(named: Named, point: tuple[int, float]) -> bool:
    """Whether a schedule has this rate after this step, up to the digits of logs."""
    step, value = point
    try:
        expected = rate(named.kind, step, named.schedule)
    except (ValueError, OverflowError, ZeroDivisionError):  # options, or a step, that give no rate
        return False
    return abs(expected - value) <= max(_CLOSE * abs(value), 1e-9 * named.schedule.peak)
