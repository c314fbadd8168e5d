"""How far trainings lie from what was committed and from each other: the scale that controls give."""

import math
from collections.abc import Iterable

from auditor.model import RerunPlan
from auditor.rerun.judging.gaps import Pair, committed_pairs, repeated_pairs
from auditor.rerun.judging.weights_gap import weights_gap
from auditor.rerun.outputs import Output
from auditor.runs import Folder, Run


def to_committed(run: Run, plan: RerunPlan, output: Output) -> float | None:
    """Relative distance of a training from the committed weights at the last moment both have; None without one.

    Weights that are no other values but other tensors or shapes have none.
    """
    return _last(committed_pairs(run, plan, output), output.initial)


def to_rerun(output: Output, rerun: Output) -> float | None:
    """Relative distance of two trainings of ours at their last moment."""
    return _last(repeated_pairs(output, rerun), rerun.initial)


def _last(pairs: Iterable[Pair], start: Folder) -> float | None:
    """The distance of the weights at the last moment where they can be measured."""
    found: tuple[int, float] | None = None
    for pair in pairs:
        gap = weights_gap(pair, start)
        step = pair.step or 0
        if gap is None or gap.distance is None or math.isinf(gap.distance):
            continue
        if found is None or step >= found[0]:
            found = (step, gap.distance)
    return None if found is None else found[1]
