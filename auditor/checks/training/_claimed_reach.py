"""The sum of learning rates that is claimed for a run, where Adam took the steps."""

import math
from dataclasses import dataclass

from auditor.artifacts._fields import is_number
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.claims import DECLARED, EFFECTIVE, RECORDED, Ledger, received
from auditor.compare.reach import ADAMS, ZERO_STARTS
from auditor.compare.schedules import factor, of_arguments, why_no_form
from auditor.runs import Run

_MOST_STEPS = 10**9
_SAMPLED = 2000
"""Steps at which a long schedule is looked at."""
_LORA_PLUS = "loraplus_lr_ratio"


@dataclass(frozen=True, slots=True)
class Claimed:
    """``rate`` is the highest learning rate, ``total`` the sum over ``steps``.

    ``scheduled`` says that the sum follows the schedule; else it is the highest rate in every step.
    """

    rate: float
    steps: int
    total: float
    scheduled: bool


def claimed(run: Run, ledger: Ledger, config: AdapterConfig) -> Claimed | str:
    """What the run's files claim of its rate and steps; or why the weights cannot be held against it."""
    if config.peft_type != "LORA" or config.init_lora_weights not in ZERO_STARTS:
        return "whether lora_B started at zero is not known"
    if run.recipe is not None and run.recipe.raw.get(_LORA_PLUS):
        return f"{run.recipe.path} gives lora_B a rate of its own ({_LORA_PLUS})"
    optim = str(ledger.value("optim", EFFECTIVE, DECLARED)).rpartition(".")[2].lower()
    if optim not in ADAMS:
        return "the optimizer is not known to be Adam with moments in full precision"
    rate = max(_positive(ledger.value("learning_rate", role)) for role in (EFFECTIVE, DECLARED))
    steps = _positive(ledger.value("global_step", RECORDED))
    if not rate or not steps or steps > _MOST_STEPS:
        return "no file says both the learning rate and the steps that were taken"
    share = _mean_share(run, ledger, int(steps))
    return Claimed(rate, int(steps), rate * steps * (1.0 if share is None else share), share is not None)


def _mean_share(run: Run, ledger: Ledger, steps: int) -> float | None:
    """The mean of the schedule's multiplier over the steps taken, by its closed form; None where that is not known."""
    arguments = received(run)
    total = ledger.value("max_steps", RECORDED)
    if arguments is None or not isinstance(total, int) or total < 1:
        return None
    named = of_arguments(arguments.values, total)
    if isinstance(named, str) or why_no_form(named.kind, named.schedule) is not None:
        return None
    stride = max(1, steps // _SAMPLED)
    at = range(0, steps, stride)
    return math.fsum(factor(named.kind, step, named.schedule) for step in at) / len(at)


def has_adam_state(run: Run) -> bool:
    """Whether a checkpoint's optimizer bounds the weights more sharply than claims can."""
    return any(state.kind == "adamw" for state in run.all(OptimizerState))


def _positive(value: object) -> float:
    return max(0.0, float(value)) if is_number(value) and math.isfinite(value) else 0.0
