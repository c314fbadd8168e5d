"""What a committed optimizer tells of its recipe: taken where no file says it, a reading where one says otherwise."""

import math
from collections.abc import Mapping

from auditor.artifacts._fields import is_number
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.model import Alternative, Setting
from auditor.rerun.planning import optimizers


def taken(state: OptimizerState | None, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Optimizer, rate, decay, betas and epsilon that a state was built with, where ``settings`` only assume them."""
    if state is None:
        return {}
    says = f"{state.path} was built with it"
    return {
        key: Setting(found, says)
        for key, found in told(state).items()
        if key in settings and settings[key].assumed
    }


def reading(state: OptimizerState | None, settings: Mapping[str, Setting]) -> tuple[Alternative, ...]:
    """What a committed state says of what the recipe says otherwise, as one reading; none where they agree.

    The Trainer loads rates and decay with a checkpoint that it resumes from, whatever the arguments of the later start
    say, so an honest run may have been trained by the state's settings.
    """
    if state is None:
        return ()
    apart = {key: found for key, found in told(state).items() if _apart(key, found, settings.get(key))}
    if not apart:
        return ()
    planned = ", ".join(f"{settings[key].value} ({settings[key].source})" for key in apart)
    words = ", ".join(f"{key} = {found}" for key, found in apart.items())
    says = f"{words} ({state.path}), where the plan takes {planned}"
    return (Alternative(apart, says, all(settings[key].assumed for key in apart)),)


def told(state: OptimizerState) -> dict[str, object]:
    """The settings of a plan that a state shows; betas and epsilon only where it is Adam's."""
    group = next((group for group in state.param_groups if group.get("params")), None)
    if group is None:
        return {}
    found: dict[str, object] = {
        "learning_rate": group.get("initial_lr"),
        "weight_decay": group.get("weight_decay"),
    }
    betas = group.get("betas")
    if state.kind in ("adamw", "adam8bit") and isinstance(betas, list | tuple) and len(betas) == 2:
        found |= {"adam_beta1": betas[0], "adam_beta2": betas[1], "adam_epsilon": group.get("eps")}
    numbers = {key: value for key, value in found.items() if _number(value)}
    name = _name(state, group)
    return numbers if name is None else {**numbers, "optim": name}


def _number(value: object) -> bool:
    return is_number(value) and math.isfinite(value)


def _name(state: OptimizerState, group: Mapping[str, object]) -> str | None:
    """The value of ``optim`` that leaves such a state; paged optimizers leave the same as others."""
    layout = optimizers.family(state)
    if layout is None or (layout.counts == "number" and layout.name == "AdamW"):
        return None
    if layout.name == optimizers.BITSANDBYTES:
        return _numbered(state, group)
    if layout.name == "AdamW":
        return "adamw_torch_fused" if group.get("fused") is True else "adamw_torch"
    return layout.name.lower()


def _numbered(state: OptimizerState, group: Mapping[str, object]) -> str | None:
    """bitsandbytes' algorithms keep the same names: betas and epsilon tell them apart (0.50.2, optim/*.py)."""
    names = {name for entry in state.entries for name in entry.tensors}
    betas, small = group.get("betas"), "qmap1" in names
    if not isinstance(betas, list | tuple):
        return None
    if "state2" in names:
        algorithm = (
            ("ademamix", "ademamix_8bit") if len(betas) == 3 else ("paged_adamw_32bit", "adamw_bnb_8bit")
        )
    elif len(betas) == 2 and betas[1]:
        algorithm = ("lion_32bit", "lion_8bit")
    elif group.get("eps"):
        algorithm = ("rmsprop_bnb_32bit", "rmsprop_bnb_8bit")
    else:
        return None
    return algorithm[small]


def _apart(key: str, found: object, setting: Setting | None) -> bool:
    """Another optimizer, or two numbers that differ by more than their spelling."""
    if setting is None:
        return False
    value = setting.value
    if key == "optim":
        return optimizers.named(value) not in (None, optimizers.named(found))
    if not is_number(found) or not is_number(value):
        return False
    return abs(found - value) > 1e-9 * max(abs(found), abs(value))
