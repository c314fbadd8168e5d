"""How far lora_B lies from zero, where it began, against the learning rates of all steps."""

import math
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from auditor.artifacts._fields import is_number
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks.training.weights_outrun_learning_rate import TIMES
from auditor.model.inspection import AdapterInspection, ReachInspection
from auditor.runs import Run

_MOST_STEPS = 200_000
"""Steps whose rates are summed one by one."""


def reach_of(run: Run, adapter: AdapterInspection | None) -> ReachInspection | None:
    """The run's own adapter against its training arguments; None when there is nothing to hold against anything."""
    config, arguments = run.one(AdapterConfig), run.one(TrainingArgs)
    measured = _largest(adapter)
    if config is None or arguments is None or not measured:
        return None
    rates = _rates(run, config, arguments)
    if isinstance(rates, str):
        return ReachInspection("not known", f"how far the weights may have moved is not known: {rates}")
    from auditor.compare.reach import BETAS, adam_reach

    total = math.fsum(rates)
    bound = adam_reach(
        rates, _beta(arguments, "adam_beta1", BETAS[0]), _beta(arguments, "adam_beta2", BETAS[1])
    )
    return _judged(measured, len(rates), total, bound)


def _largest(adapter: AdapterInspection | None) -> Mapping[str, float]:
    modules = adapter.modules if adapter is not None else ()
    return {item.module: item.largest_b for item in modules if item.largest_b is not None}


def _rates(run: Run, config: AdapterConfig, arguments: TrainingArgs) -> Sequence[float] | str:
    """The learning rate of each step taken, by the schedule's closed form, else the peak in every step."""
    from auditor.compare.schedules import of_arguments, rate, why_no_form

    why = _why_not(run, config, arguments)
    if why is not None:
        return why
    state, peak = run.root.one(TrainerState) or run.latest(TrainerState), arguments.get("learning_rate")
    steps = state.global_step if state is not None else None
    if state is None or not steps or steps < 1 or not _is_rate(peak):
        return "no file says both the learning rate and the steps that were taken"
    if steps > _MOST_STEPS:
        return f"{steps:,} steps are too many to follow here"
    named = of_arguments(arguments.values, state.max_steps or steps)
    if isinstance(named, str) or why_no_form(named.kind, named.schedule) is not None:
        return [peak] * steps
    return [rate(named.kind, step, named.schedule) for step in range(steps)]


def _why_not(run: Run, config: AdapterConfig, arguments: TrainingArgs) -> str | None:
    from auditor.compare.reach import ADAMS, ZERO_STARTS

    if config.peft_type != "LORA" or config.init_lora_weights not in ZERO_STARTS:
        return "whether lora_B started at zero is not known"
    if str(arguments.get("optim")).rpartition(".")[2].lower() not in ADAMS:
        return "the optimizer is not known to be Adam with moments in full precision"
    if run.recipe is not None and run.recipe.raw.get("loraplus_lr_ratio"):
        return f"{run.recipe.path} gives lora_B a rate of its own"
    return None


def _is_rate(value: object) -> TypeGuard[float]:
    return is_number(value) and math.isfinite(value) and value > 0


def _beta(arguments: TrainingArgs, key: str, default: float) -> float:
    value = arguments.get(key)
    return float(value) if is_number(value) and 0 < value < 1 else default


def _judged(measured: Mapping[str, float], steps: int, total: float, bound: float) -> ReachInspection:
    worst = max(measured, key=lambda name: measured[name])
    far = measured[worst]
    summed = f"the sum of the learning rates of {steps:,} step{'s' if steps > 1 else ''} ({total:.3g})"
    if not total:
        return ReachInspection("not known", f"{summed} allows no movement", steps, total, bound)
    says = f"the largest lora_B is {far:.3g}, {far / total:.2f} times {summed}"
    verdict = "usual"
    if far > bound:
        verdict = "impossible"
        says += f", more than the {bound:.3g} that Adam allows: {_EXPLAINED}"
    elif far > TIMES * total:
        verdict = "unusual"
        says += f", where trainings reach about one: {_EXPLAINED}"
    return ReachInspection(
        verdict, says, steps, total, bound, {name: value / total for name, value in measured.items()}
    )


_EXPLAINED = "LoRA+, an earlier adapter or another basis of the same update would explain it"
