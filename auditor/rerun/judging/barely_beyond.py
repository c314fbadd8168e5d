"""Curves a little beyond their noise beside weights and moments inside theirs, which accuse nobody."""

import math
from collections.abc import Sequence
from dataclasses import replace

from auditor.model import Verdict
from auditor.rerun.judging.curve_gap import TRAIN_LOSS
from auditor.rerun.judging.summary import Judged, is_computed

BARELY = 3.0
"""How many times its noise a curve may lie away where the weights that it follows from lie inside theirs."""


def barely_beyond(judged: Sequence[Judged]) -> list[Judged]:
    """Curves up to `BARELY` times their noise as inconclusive, where all weights and moments lie inside theirs.

    Losses follow from those weights, and the noise of a curve of few steps is known from as few. Weights that are equal
    bit for bit leave no such room, and neither do curves that other bits prove to be off.
    """
    trained = [item for item in judged if item.gap.aspect in ("weights", "optimizer")]
    if not trained or not all(map(_is_inside, trained)):
        return list(judged)
    curves = [item for item in judged if item.gap.aspect == "curve" and is_computed(item)]
    return [
        replace(
            item,
            verdict=Verdict.INCONCLUSIVE,
            why=f"{item.why}; but weights and moments lie inside the noise",
        )
        if item.verdict is Verdict.DIVERGED and not item.proved and _is_barely(item, curves)
        else item
        for item in judged
    ]


def _is_inside(item: Judged) -> bool:
    """Within the noise; where that is loud, nearer to the recipe than to every control besides."""
    near = (item.gap.distance or 0.0) <= item.limit
    return item.verdict is Verdict.EQUIVALENT or (item.verdict is Verdict.CONSISTENT and near)


def _is_barely(item: Judged, curves: Sequence[Judged]) -> bool:
    """By the noise of its own tag in any file, and for the mean of all losses by that of the losses."""
    if item.gap.aspect != "curve" or not is_computed(item):
        return False
    tags = {item.gap.key, "loss"} if item.gap.key == TRAIN_LOSS else {item.gap.key}
    room = BARELY * max(each.limit for each in curves if each.gap.key in tags)
    return (item.gap.distance or math.inf) <= room
