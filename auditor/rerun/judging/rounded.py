"""A plain base whose number type no file tells: what its rounding can explain is measured by the other type.

The noise of an experiment is that of the type it assumed. In bfloat16 every activation is rounded to eight bits, so
that another attention kernel or machine moves an update as far as the type itself does: a tiny Qwen2 loaded in bfloat16
from float32 files and trained with sdpa lay 0.025 from eager float32 and 0.017 from eager bfloat16, where float32 has a
noise of 7e-7.
"""

from collections.abc import Mapping, Sequence

from auditor.model import RerunPlan, Verdict
from auditor.rerun.judging.curve_gap import curves_of
from auditor.rerun.judging.gaps import Floors, is_outside, relative
from auditor.rerun.judging.measured import Measured
from auditor.rerun.judging.opened import is_measured, opened
from auditor.rerun.judging.summary import Judged, begins_alike
from auditor.rerun.outputs import Output, Outputs
from auditor.rerun.planning.base_dtype import CAST, KEY
from auditor.runs import Run

ROOM = 3.0
"""How many times as far as the other type moves weights and first values counts as its rounding, as for a floor."""


def rounded(
    judged: Sequence[Judged], run: Run, plan: RerunPlan, outputs: Outputs, measured: Measured
) -> list[Judged]:
    """The gaps, those that rounding in another type may explain as inconclusive, once such a type was trained."""
    setting = plan.settings.get(KEY)
    accused = any(item.verdict is Verdict.DIVERGED and not item.proved for item in judged)
    if setting is None or not setting.assumed or not accused or begins_alike(judged):
        return list(judged)
    apart = {id(one): measured.to_committed(run, plan, one) for one in (outputs.rerun, *outputs.hypotheses)}
    others = [one for one in outputs.hypotheses if _is_type(one) and _is_nearer(apart, one, outputs.rerun)]
    moves = measured.floors(Outputs(outputs.rerun, variations=tuple(others)))
    if not _is_within(judged, moves) or not _begins_within(judged, others, outputs.rerun):
        return list(judged)
    says = (
        f"no file says in which number type the base was loaded, and another one moves the weights by "
        f"{max(_weights(moves)):.2g}, so a rounding of that size explains it"
    )
    return [opened(item, says) if is_measured(item) else item for item in judged]


def _is_type(output: Output) -> bool:
    """Whether a training differs from the rerun in the base's number type alone."""
    return (
        output.trial is not None and bool(output.trial.changes) and set(output.trial.changes) <= {KEY, CAST}
    )


def _is_nearer(apart: Mapping[int, float | None], other: Output, rerun: Output) -> bool:
    """Whether the committed weights lie nearer to the other type: rounding of the base itself is common to its runs.

    What another recipe does to weights in the assumed type takes them farther away from both.
    """
    theirs, ours = apart[id(other)], apart[id(rerun)]
    return theirs is not None and ours is not None and theirs < ours


def _is_within(judged: Sequence[Judged], moves: Floors) -> bool:
    """Whether all weights that were committed, factors and what stands beside them, lie within reach of the type."""
    gaps = [item.gap for item in judged if item.gap.aspect == "weights"]
    room = {beside: ROOM * max(_weights(moves, beside=beside), default=0.0) for beside in (False, True)}
    return bool(gaps) and all(
        gap.distance is not None and gap.distance <= room[is_outside(gap.key)] for gap in gaps
    )


def _weights(moves: Floors, *, beside: bool = False) -> list[float]:
    """How far the type moves the factors' update, or what stands ``beside`` the factors, at any moment."""
    return [
        value for (aspect, key), value in moves.items() if aspect == "weights" and is_outside(key) is beside
    ]


def _begins_within(judged: Sequence[Judged], others: Sequence[Output], rerun: Output) -> bool:
    """Whether no first loss or norm is farther away than the other type takes it: another row or base goes farther."""
    for item in judged:
        gap = item.gap
        if gap.key not in ("loss", "grad_norm") or not gap.points:
            continue
        step, apart = gap.points[0]
        room = ROOM * max((_moved(gap.key, step, other, rerun) for other in others), default=0.0)
        if apart > max(room, item.limit, gap.slack):
            return False
    return True


def _moved(tag: str, step: int, other: Output, rerun: Output) -> float:
    """How far the value of a step moves with another type; 0 where one of the two did not log it."""
    values = [dict(curves_of(output).get(tag, ())).get(step) for output in (other, rerun)]
    ours, before = values
    return 0.0 if ours is None or before is None else relative(ours, before)
