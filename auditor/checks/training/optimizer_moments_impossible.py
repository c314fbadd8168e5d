"""Adam's moments are numbers that no gradients give, or not the gradients that were logged.

`exp_avg` and `exp_avg_sq` are running means of the gradients and of their squares (torch 2.13.0,
optim/adam.py), so neither is NaN, the second is not negative, and by Cauchy and Schwarz the first exceeds
the root of the second by at most sqrt((1 - b1)^2 / (1 - b2) x sum of (b1^2 / b2)^k), k below the number of
steps. And the sum of `exp_avg_sq` over all parameters is (1 - b2) x sum of b2^(t - i) x n_i^2, where n_i is
the norm of the gradient of step i: the logged `grad_norm`, after clipping to `max_grad_norm`
(torch/nn/utils/clip_grad.py). Where each step was logged that is an equation, which a tiny run keeps to the
seventh digit; else it leaves a range. Moments outside it are damaged, edited, or another run's.

Wrong when: the script clips gradients itself, or changes `max_grad_norm` while it trains; quantized states of 8-bit
optimizers, fp16 runs that skipped steps and DeepSpeed are not looked at.

Fix: do not resume from this checkpoint, and publish one from before the breakdown.

Bad:
    checkpoint-18/optimizer.pt: optimizer with exp_avg_sq -1e-30

Good:
    checkpoint-18/optimizer.pt: optimizer with exp_avg_sq 0
"""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks.training._gradient_norms import expected_sum
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, numpy.dtype[Any]]

SEVERITY = Severity.ERROR

FIRST, SECOND = "exp_avg", "exp_avg_sq"
MARGIN = 1e-3
"""Relative slack of the bound: float32 rounds both means at every step."""
SMALL = 1e-15
"""First moments below it are not judged: the square of such a gradient loses its digits in float32."""
VANISHED = 500
"""After more steps without a gradient a first moment may have underflowed to zero (0.9^900 < 1e-41)."""


def check(
    optimizer: OptimizerState, state: TrainerState | None, received: TrainingArgs | None
) -> Iterator[Problem | Skip]:
    """One tensor after the other, so that memory holds two at a time; one finding, the gravest first."""
    if optimizer.kind != "adamw":
        yield Skip("the optimizer keeps no second moments in plain tensors")
        return
    faults: dict[str, list[tuple[int, str]]] = {}
    total = 0.0
    groups = {index: g for g in optimizer.param_groups for index in _indices(g)}
    for entry in optimizer.entries:
        if FIRST not in entry.tensors or SECOND not in entry.tensors:
            continue
        try:
            first, second = optimizer.array(entry.index, FIRST), optimizer.array(entry.index, SECOND)
        except CannotRead as error:
            yield Skip(f"{optimizer.path} {error.reason}")
            return
        fault = _fault(first, second, _limit(groups.get(entry.index), entry.step), entry.step)
        if fault is not None:
            faults.setdefault(fault[0], []).append((entry.index, fault[1]))
        total += float(second.sum(dtype="f8")) if second.size else 0.0
    if faults:
        yield _problem(optimizer, faults)
    elif state is not None and received is not None:
        yield from _against_log(optimizer, total, state, received)


def _indices(group: Mapping[str, object]) -> list[int]:
    params = group.get("params")
    return [index for index in params if isinstance(index, int)] if isinstance(params, list) else []


def _limit(group: Mapping[str, object] | None, step: float | None) -> float | None:
    """How far the first moment may exceed the root of the second; None where the betas or the steps are not known.

    RAdam and NAdam have no `amsgrad`; they keep the same means, and are left out all the same.
    """
    betas = group.get("betas") if group and "amsgrad" in group else None
    if not isinstance(betas, list | tuple) or len(betas) != 2 or step is None or not 1 <= step < 2**31:
        return None
    one, two = betas
    if not isinstance(one, float) or not isinstance(two, float) or not (0 < one < 1 and 0 < two < 1):
        return None
    ratio = one * one / two
    series = step if abs(1 - ratio) < 1e-12 else (1 - ratio**step) / (1 - ratio) if ratio < 1 else math.inf
    return (1 - one) * math.sqrt(series / (1 - two))


def _fault(
    first: "Array", second: "Array", limit: float | None, step: float | None
) -> tuple[str, str] | None:
    """What is wrong with a pair of moments, and what should be."""
    import numpy

    if not bool(numpy.isfinite(first).all()) or not bool(numpy.isfinite(second).all()):
        return "not finite", "finite numbers"
    if bool((second < 0).any()):
        return f"negative in {SECOND}", "means of squares"
    if first.dtype.itemsize < 4 or limit is None or limit == math.inf:
        return None
    if bool((numpy.abs(first) > limit * (1 + MARGIN) * numpy.sqrt(second) + SMALL).any()):
        return f"larger in {FIRST} than {SECOND} allows", f"at most {limit:.4g} times the root of {SECOND}"
    if (
        step is not None
        and step <= VANISHED
        and not first.any()
        and float(second.max(initial=0.0)) > SMALL**2
    ):
        return f"all zero in {FIRST} and not in {SECOND}", "gradients that leave a trace in both"
    return None


def _problem(optimizer: OptimizerState, faults: Mapping[str, list[tuple[int, str]]]) -> Problem:
    words, found = max(faults.items(), key=lambda item: len(item[1]))
    return Problem(
        f"moments of {len(found):,} of {len(optimizer.entries):,} parameters are {words}",
        optimizer.at(f"state/{found[0][0]}"),
        expected=found[0][1],
        observed=f"parameter {found[0][0]} first",
    )


def _against_log(
    optimizer: OptimizerState, total: float, state: TrainerState, received: TrainingArgs
) -> Iterator[Problem | Skip]:
    wanted = expected_sum(optimizer, state, received)
    if isinstance(wanted, str):
        yield Skip(f"{optimizer.path} is not held against the gradient norms: {wanted}")
        return
    if not wanted.low <= total <= wanted.high:
        yield Problem(
            f"the sum of {SECOND} in {optimizer.path} is not what the gradient norms in {state.path} give",
            optimizer.at(f"state/*/{SECOND}"),
            expected=wanted.words,
            observed=f"{total:.9g}",
            evidence=(wanted.detail,),
        )
