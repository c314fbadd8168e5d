"""Accusations that something else may explain, and whether the first loss leaves room for it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from auditor.model import Verdict
from auditor.rerun.judging.summary import Judged, is_computed


def opened(item: Judged, says: str) -> Judged:
    """An accusation as inconclusive, with what may explain it; one that other bits prove stays."""
    if item.verdict is not Verdict.DIVERGED or item.proved:
        return item
    return replace(item, verdict=Verdict.INCONCLUSIVE, why=f"{item.gap.says}; but {says}")


def is_measured(item: Judged) -> bool:
    """Whether training alone computes the value, and it lies a finite distance away."""
    return is_computed(item) and item.gap.distance is not None and math.isfinite(item.gap.distance)


def first_loss_agrees(judged: Sequence[Judged]) -> bool:
    """Whether the loss of step 1 agrees in some log, which base, first batch and pipeline decide."""
    return any(_first_losses(judged))


def first_loss_differs(judged: Sequence[Judged]) -> bool:
    """Whether the loss of step 1, before any rate acts, is another in some log; False where none has it."""
    return not all(_first_losses(judged))


def _first_losses(judged: Sequence[Judged]) -> Iterator[bool]:
    for item in judged:
        if item.gap.key == "loss" and item.gap.points and item.gap.points[0][0] == 1:
            yield item.gap.points[0][1] <= max(item.limit, item.gap.slack)
