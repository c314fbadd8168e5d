"""What the logged norms of the gradients say about the sum of Adam's second moments."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs

RTOL, DRIFT = 5e-5, 5e-8
"""Slack of the sum, and what a step adds until the mean forgets it: float32 rounds b2 and each update by 6e-8.

Measured: 1e-7 to 2e-6 on a CPU (ten runs of a Trainer, up to 400 steps, bf16 and fused among them); on an H100 with
torch 2.11 up to 1.1e-5 in 3,000 steps, and 1.3e-5 from the first step on with the fused AdamW.
"""
CLIPPING = 1e-6
"""What clip_grad_norm_ adds to the norm before it divides (torch 2.13.0, nn/utils/clip_grad.py)."""
MOST_STEPS = 1_000_000
MOST_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Range:
    """Where the sum must lie; both ends meet where every step was logged."""

    low: float
    high: float
    words: str
    detail: str


def expected_sum(optimizer: OptimizerState, state: TrainerState, received: TrainingArgs) -> Range | str:
    """The range of the sum over all parameters, or why there is none."""
    beta = _beta(optimizer)
    steps = state.global_step
    if beta is None or steps is None or not 1 <= steps <= MOST_STEPS or optimizer.steps != {float(steps)}:
        return "its parameters were not all updated in every step, by one beta"
    if received.get("deepspeed") or received.get("fsdp") or any(_is_half(optimizer)):
        return "it was sharded or is kept in half precision"
    if not all(_decays_apart(group, received) for group in optimizer.param_groups):
        return "weight decay is part of its gradients"
    clip = received.number("max_grad_norm")
    norms = dict(state.logged("grad_norm"))
    if clip is None or not norms or not all(math.isfinite(n) and n >= 0 for n in norms.values()):
        return "gradient norms or max_grad_norm are not known"
    known, least, most, missing = _sums(norms, steps, beta, clip)
    if missing and clip <= 0:
        return "steps without a logged norm were not clipped"
    slack = RTOL + DRIFT * min(steps, 1 / (1 - beta))
    logged = sum(1 for step in norms if 1 <= step <= steps)
    detail = (
        f"(1 - {beta:g}) x sum of {beta:g}^({steps} - i) x norm_i^2 over {logged:,} of {steps:,} logged steps"
    )
    high = most + missing * clip * clip
    words = f"{known:.9g}" if high == least else f"{least:.9g} to {high:.9g}"
    return Range(least * (1 - slack), high * (1 + slack), words, detail)


def _sums(
    norms: Mapping[int, float], steps: int, beta: float, clip: float
) -> tuple[float, float, float, float]:
    """The sum of the logged steps as it stands, at least and at most, and the weight of those that were not logged."""
    lost = _rounded_away(norms.values())
    found, missing = [0.0, 0.0, 0.0], 0.0
    for step in range(1, steps + 1):
        weight = (1 - beta) * beta ** (steps - step)
        if step not in norms:
            missing += weight
            continue
        for at, norm in enumerate((norms[step], max(0.0, norms[step] - lost), norms[step] + lost)):
            found[at] += weight * _clipped(norm, clip) ** 2
    return found[0], found[1], found[2], missing


def _rounded_away(norms: Collection[float]) -> float:
    """The most that rounding took from a norm: half a unit of the last decimal, 0 where all digits stand.

    Who shortens a log rounds all its numbers; a computed float32 has more than six decimals.
    """
    for decimals in range(MOST_DECIMALS + 1):
        if all(norm == round(norm, decimals) for norm in norms):
            return 0.5 * 10.0**-decimals
    return 0.0


def _decays_apart(group: Mapping[str, object], received: TrainingArgs) -> bool:
    """Whether weight decay leaves the moments alone: AdamW's does, Adam's is added to the gradient.

    Source: torch 2.13.0, optim/adam.py, `_single_tensor_adam`; older releases do not say which of the two it is.
    """
    if not group.get("weight_decay") or group.get("decoupled_weight_decay") is True:
        return True
    named = str(received.get("optim")).rpartition(".")[2].lower().startswith("adamw")
    return "decoupled_weight_decay" not in group and named


def _clipped(norm: float, clip: float) -> float:
    return norm * min(1.0, clip / (norm + CLIPPING)) if clip > 0 else norm


def _beta(optimizer: OptimizerState) -> float | None:
    """The one second beta of all groups that hold parameters, of torch's Adam or AdamW."""
    groups = [group for group in optimizer.param_groups if group.get("params")]
    found = [tuple(b) if isinstance(b := group.get("betas"), list | tuple) else () for group in groups]
    if not found or any(one != found[0] for one in found) or not all("amsgrad" in group for group in groups):
        return None
    two = found[0][1] if len(found[0]) == 2 else None
    return two if isinstance(two, float) and 0 < two < 1 else None


def _is_half(optimizer: OptimizerState) -> list[bool]:
    return [ref.dtype != "float32" for entry in optimizer.entries for ref in entry.tensors.values()]
