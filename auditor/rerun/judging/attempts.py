"""Attempts with larger batches that ended for want of memory: what they drew is missing in a rerun.

``auto_find_batch_size`` begins the training anew with a smaller batch and seeds nothing again (transformers 5.23.0,
trainer.py, ``_inner_training_loop`` under ``find_executable_batch_size``), so the generators go on from where
the attempts left them, which no file tells.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import received
from auditor.model import RerunPlan, Verdict
from auditor.rerun.judging.summary import Judged, is_computed
from auditor.rerun.judging.unsaid import first_loss_agrees
from auditor.rerun.planning.extras import draws_by_width
from auditor.runs import Run

_BATCH = "per_device_train_batch_size"


def attempted(judged: Sequence[Judged], run: Run, plan: RerunPlan) -> list[Judged]:
    """The gaps, those that such draws explain as inconclusive: generators that stand further, and masks of dropout.

    Masks are no excuse where the first loss differs, which does not depend on them.
    """
    says = _lowered(run)
    if says is None:
        return list(judged)
    masks = draws_by_width(plan.settings) and first_loss_agrees(judged)
    return [
        replace(item, verdict=Verdict.INCONCLUSIVE, why=f"{item.gap.says}; but {says}")
        if item.verdict is Verdict.DIVERGED and not item.proved and _follows(item, masks)
        else item
        for item in judged
    ]


def _follows(item: Judged, masks: bool) -> bool:
    if item.gap.aspect == "rng":
        return (item.gap.more or 0) > 0
    return masks and is_computed(item) and item.gap.distance is not None and math.isfinite(item.gap.distance)


def _lowered(run: Run) -> str | None:
    """That the batch which ran is smaller than the argument, as attempts that failed leave it."""
    arguments, state = received(run), run.latest(TrainerState)
    if arguments is None or state is None or arguments.values.get("auto_find_batch_size") is not True:
        return None
    asked, ran = arguments.values.get(_BATCH), state.raw.get("train_batch_size")
    if type(asked) is not int or type(ran) is not int or not 0 < ran < asked:
        return None
    return (
        f"batches of {asked} did not fit ({state.path}#/train_batch_size is {ran}), and the attempts drew from the "
        "generators before the training began anew"
    )
