"""What no file says of a recipe: where that much is open, a run that differs was not shown to be another one."""

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from auditor.model import RerunPlan, Verdict
from auditor.recipes._base import Recipe
from auditor.rerun.judging.opened import first_loss_agrees
from auditor.rerun.judging.summary import Judged, begins_alike, is_computed, is_learned
from auditor.rerun.planning.extras import draws_by_width
from auditor.rerun.planning.row_order import UNTOLD
from auditor.rerun.planning.trainers import COMMAND

_ARGUMENTS = ("learning_rate", "lr_scheduler_type", "gradient_accumulation_steps", "seed", "max_steps")
"""Arguments whose defaults are seldom meant, and the total where it was worked out from the rows that were given."""
_ROWS = ("max_length", "block_size")
"""Settings of the data contract: a recipe that names neither does not say how rows became examples."""

_PADS = 0.01
"""More ids than the rerun's by this share are pads: releases count the parameters of one model 0.4 % apart."""
_TEMPLATED = ("LLaMA-Factory", "axolotl", "ms-swift", "torchtune", "unsloth")
"""Platforms that render rows through templates of their own and may mask prompts, which the child does not do."""


def excused(
    judged: Sequence[Judged],
    plan: RerunPlan,
    recipe: Recipe | None = None,
    *,
    ordered: bool = True,
    platform: str | None = None,
) -> list[Judged]:
    """The gaps, those that an unknown part of the recipe may explain as inconclusive, with the part named.

    ``ordered`` says that files tell who drew the rows, ``platform`` who trained, as its recipe or its arguments say.
    Nothing is excused where a curve, weights or moments agree: then the assumptions were right.
    """
    assumed = {key for key, setting in plan.settings.items() if setting.assumed}
    trainer = plan.settings.get("trainer")
    own, commanded = _own_optimizer(judged, recipe), trainer is not None and trainer.value == COMMAND
    agrees = any(is_learned(item) and item.verdict is not Verdict.DIVERGED for item in judged)
    if commanded or (own is None and agrees):
        return list(judged)  # the user's own script knows what no file says
    if own is not None:
        return [_unproved(item, own) if _is_stepped(item) else item for item in judged]
    missing = [key for key in _ARGUMENTS if key in assumed]
    if missing:
        why = f"no file says {', '.join(missing)}, so the recipe itself is not known"
        return [_open(item, why) for item in judged]
    padded = _padded_otherwise(judged, plan)
    if padded is not None and first_loss_agrees(judged):
        return [_open(item, padded) if _draws_dropout(item) else item for item in judged]
    unknown = _unknown(judged, assumed, recipe.platform if recipe is not None else platform, ordered)
    if unknown is None:
        return list(judged)
    return [item if _needs_no_rows(item) else _open(item, unknown) for item in judged]


def _own_optimizer(judged: Sequence[Judged], recipe: Recipe | None) -> str | None:
    """That a script handed the Trainer an optimizer of its own (``Trainer(optimizers=...)``), as LoRA+ asks for.

    What agrees elsewhere proves nothing of it: a decay shows in the weights alone. A platform's recipe names its
    optimizer, so there other groups are another recipe's.
    """
    found = next((item.gap for item in judged if item.gap.regrouped is not None), None)
    if found is None or recipe is not None:
        return None
    return (
        f"{found.at} has {found.regrouped}, so the script made its own optimizer, "
        "whose rates and decays no argument tells"
    )


def _unproved(item: Judged, why: str) -> Judged:
    """Open, also for a curve within the noise: a decay hardly shows in it, so that it proves nothing of the weights."""
    if item.gap.aspect == "curve" and item.verdict is Verdict.EQUIVALENT:
        return replace(item, verdict=Verdict.INCONCLUSIVE, why=f"{item.why}; but {why}")
    return _open(item, why)


def _is_stepped(item: Judged) -> bool:
    """Whether the optimizer decides the value: everything that is learned, and the rates."""
    gap = item.gap
    if _is_shaped(item):
        return False
    return is_computed(item) or gap.aspect in ("scheduler", "parameters") or gap.key == "learning_rate"


def _unknown(
    judged: Sequence[Judged], assumed: AbstractSet[str], platform: str | None, ordered: bool
) -> str | None:
    """What is not known of the rows or their order, where the first logged values do not show it was as assumed."""
    unknown = _unknown_rows(assumed, platform)
    if unknown is not None and not begins_alike(judged):
        more = "" if ordered else f", {UNTOLD}"
        return f"{unknown}{more}, and no first loss and gradient norm show that it was as assumed"
    return UNTOLD if not ordered and not first_loss_agrees(judged) else None


def _padded_otherwise(judged: Sequence[Judged], plan: RerunPlan) -> str | None:
    """That the run counted pads which the rerun did not have: dropout draws for them too, so its masks differ.

    The flops of a batch are 6 x parameters x ids, the pads included (transformers, modeling_utils.py,
    ``floating_point_ops``). Where dropout is 0 padding changes nothing, and packed rows have none.
    """
    known = {key: setting.value for key, setting in plan.settings.items()}
    if known.get("packing") or not draws_by_width(plan.settings) or known.get("pad_to_max_length"):
        return None
    if any(_is_shaped(item) for item in judged):
        return None  # other tensors are other parameters, so their count says nothing of ids
    counts = [item.gap for item in judged if item.gap.aspect in ("flops", "tokens")]
    more = max((gap.ratio or 0.0 for gap in counts), default=0.0)
    if more < 1 + _PADS:
        return None
    return (
        f"the run counts {more:.3g} times the ids of the rerun's batches, so rows were padded otherwise, "
        "which no file says, and dropout draws for the padding too"
    )


def _draws_dropout(item: Judged) -> bool:
    """Whether the value depends on the width of batches where dropout is drawn for them."""
    gap = item.gap
    return is_computed(item) or gap.aspect in ("rng", "flops", "tokens")


def _unknown_rows(assumed: AbstractSet[str], platform: str | None) -> str | None:
    """Why it is not known how rows became examples."""
    if platform in _TEMPLATED:
        return f"{platform} makes examples of rows by templates and masks of its own"
    return "no file says how rows became examples" if assumed >= set(_ROWS) else None


def _open(item: Judged, why: str) -> Judged:
    if item.verdict is not Verdict.DIVERGED:
        return item
    return replace(item, verdict=Verdict.INCONCLUSIVE, why=f"{item.gap.says}; but {why}")


def _needs_no_rows(item: Judged) -> bool:
    """Whether the arguments alone decide the value: rates, and tensors of another shape or scale."""
    gap = item.gap
    return gap.aspect in ("init", "scheduler") or gap.key == "learning_rate" or _is_shaped(item)


def _is_shaped(item: Judged) -> bool:
    """Whether the adapter's tensors are others, or of another shape, than those that the recipe makes."""
    gap = item.gap
    return gap.aspect == "weights" and gap.distance is not None and math.isinf(gap.distance)
