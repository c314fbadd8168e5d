"""Attempts with larger batches that ended for want of memory: what they drew is missing in a rerun.

``auto_find_batch_size`` begins the training anew with a smaller batch and seeds nothing again (transformers 5.23.0,
trainer.py, ``_inner_training_loop`` under ``find_executable_batch_size``), so the generators go on from where
the attempts left them, which no file tells.
"""

from collections.abc import Sequence

from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import received
from auditor.model import RerunPlan
from auditor.rerun.judging.opened import first_loss_differs, is_measured, opened
from auditor.rerun.judging.summary import Judged
from auditor.rerun.planning.extras import draws_by_width
from auditor.rerun.planning.gone_on import BATCH
from auditor.runs import Run


def attempted(judged: Sequence[Judged], run: Run, plan: RerunPlan) -> list[Judged]:
    """The gaps, those that such draws explain as inconclusive: generators that stand further, and masks of dropout.

    Masks are no excuse where the first loss differs, which does not depend on them.
    """
    says = _lowered(run)
    if says is None:
        return list(judged)
    masks = draws_by_width(plan.settings) and not first_loss_differs(judged)
    return [
        opened(item, says) if _is_drawn_further(item) or (masks and is_measured(item)) else item
        for item in judged
    ]


def _is_drawn_further(item: Judged) -> bool:
    return item.gap.aspect == "rng" and (item.gap.more or 0) > 0


def _lowered(run: Run) -> str | None:
    """That the batch which ran is smaller than the argument, as attempts that failed leave it."""
    arguments, state = received(run), run.latest(TrainerState)
    if arguments is None or state is None or arguments.values.get("auto_find_batch_size") is not True:
        return None
    asked, ran = arguments.values.get(BATCH), state.train_batch_size
    if type(asked) is not int or ran is None or not 0 < ran < asked:
        return None
    return (
        f"batches of {asked} did not fit ({state.path}#/train_batch_size is {ran}), and the attempts drew from the "
        "generators before the training began anew"
    )
