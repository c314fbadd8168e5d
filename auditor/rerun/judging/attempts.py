"""Attempts with larger batches that ended for want of memory: what they drew is missing in a rerun.

``auto_find_batch_size`` begins the training anew with a smaller batch and seeds nothing again (transformers 5.23.0,
trainer.py, ``_inner_training_loop`` under ``find_executable_batch_size``), so the generators go on from where
the attempts left them, which no file tells. Neither model nor optimizer begins anew: an attempt that made steps before
it ended left its updates in both (measured with transformers 4.51.3 and 5.23.0). Nor do the flops since the last log
(``current_flos``), and TRL's tokens (trl 1.16.0, sft_trainer.py, ``_total_train_tokens``).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.model import RerunPlan
from auditor.rerun.judging.opened import first_loss_differs, is_measured, opened
from auditor.rerun.judging.summary import Judged
from auditor.rerun.planning.extras import draws_by_width
from auditor.rerun.planning.given import given
from auditor.rerun.planning.gone_on import BATCH
from auditor.runs import Run


def attempted(judged: Sequence[Judged], run: Run, plan: RerunPlan) -> list[Judged]:
    """The gaps, those that such attempts explain as inconclusive: generators and counts that went on, and masks.

    Masks are no excuse where the first loss differs, which does not depend on them. Updates of the attempts are one
    for everything that is trained.
    """
    says = _lowered(run)
    if says is None:
        return list(judged)
    made = _updates(run)
    if made is not None:
        says = f"{says}; {made}"
    trained = made is not None or (draws_by_width(plan.settings) and not first_loss_differs(judged))
    further = ("rng", "optimizer") if made is not None else ("rng",)
    return [
        opened(item, says) if _is_further(item, further) or (trained and is_measured(item)) else item
        for item in judged
    ]


def _is_further(item: Judged, aspects: Sequence[str]) -> bool:
    """Whether a generator, an optimizer or a count of what was seen has gone on farther than the rerun's."""
    gap = item.gap
    if gap.aspect in ("flops", "tokens"):
        return (gap.ratio or 0.0) > 1
    return gap.aspect in aspects and (gap.more or 0) > 0


def _updates(run: Run) -> str | None:
    """That attempts made steps: every parameter was updated as often more than the run made steps, in each checkpoint.

    Without an optimizer.pt an event file tells it, whose steps begin again.
    """
    counted = [
        (optimizer, {(entry.step or 0) - (state.global_step or 0) for entry in optimizer.entries})
        for folder in run.folders
        if (optimizer := folder.one(OptimizerState)) is not None and optimizer.entries
        if (state := folder.one(TrainerState)) is not None
    ]
    if counted:
        found = set().union(*(more for _, more in counted))
        (more,) = found if len(found) == 1 else (0,)
        if not 0 < more < math.inf:
            return None
        path = counted[0][0].path
        return f"{path} counts {more:g} updates more than steps, which the attempts made and nothing undid"
    for log in run.events:
        steps = [point.step for point in log.scalars.get("train/loss", ())]
        again = next((two for one, two in pairwise(steps) if two < one), None)
        if again is not None:
            return f"{log.path} logs step {again} again, so the attempts made steps, which nothing undid"
    return None


def _lowered(run: Run) -> str | None:
    """That the batch which ran is smaller than the argument, as attempts that failed leave it."""
    (_, arguments), state = given(run), run.latest(TrainerState)
    if state is None or arguments.get("auto_find_batch_size") is not True:
        return None
    asked, ran = arguments.get(BATCH), state.train_batch_size
    if type(asked) is not int or ran is None or not 0 < ran < asked:
        return None
    return (
        f"batches of {asked} did not fit ({state.path}#/train_batch_size is {ran}), and the attempts drew from the "
        "generators before the training began anew"
    )
