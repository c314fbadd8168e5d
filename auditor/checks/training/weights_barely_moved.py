"""The weights moved far less than the learning rate and the number of steps that are claimed for the run give.

Adam moves every number by about the learning rate in its first step whatever the gradient's size, and afterwards by as
much as successive gradients agree (torch 2.13.0, optim/adam.py). Gradients of pure noise still carry lora_B, which
starts at zero (peft 0.21.2, tuners/lora/layer.py), about the learning rate times the root of the number of steps, and
the largest of thousands of numbers several times as far. An adapter that stayed well below had fewer steps, a lower
rate, or another optimizer than is claimed.

lora_A gets a gradient as soon as the lora_B beside it is not zero (peft 0.21.2, tuners/lora/layer.py, `forward`), so
it moves from the second step on. One that still holds, to the last bit, the numbers that the seed drew or those of an
earlier checkpoint, beside a lora_B that moved, took no part in the training that its neighbours had.

Wrong when: the loss was masked in nearly every row, so that hardly a gradient arrived, or gradients are so small that
Adam's epsilon outweighs them. LoRA-FA freezes every lora_A, which makes a note.

Fix: declare the rate and the steps that made these weights, or publish the weights that the declared run made.

Bad:
    adapter_model.safetensors: tensor *.lora_B.weight * 0.02

Good:
    # the modules of one layer rested
    adapter_model.safetensors: tensor *.layers.0.*.lora_B.weight * 0.02
"""

import math
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._wording import counted, plain_number
from auditor.checks.training._claimed_reach import Claimed, claimed_steps, why_not_from_zero
from auditor.checks.training._stood_still import LEAST_STEPS, stood_still
from auditor.claims import Ledger
from auditor.compare.reach import moved
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

SHARE = 0.5
"""Of the learning rate times the root of the steps: a seventh of what a thousand numbers of pure noise reach."""
LEAST_NUMBERS = 1000
"""Numbers of lora_B of which the largest tells."""


def check(run: Run, ledger: Ledger) -> Iterator[Problem | Skip]:
    """The largest number of every lora_B together, then lora_A beside a lora_B that moved.

    Modules that rested as a whole are another rule's matter.
    """
    claim = claimed_steps(run, ledger)
    found = list(_from_zero(run, claim))
    yield from found
    if not isinstance(claim, str) and not any(isinstance(item, Problem) for item in found):
        yield from stood_still(run, ledger, claim)


def _from_zero(run: Run, claim: Claimed | str) -> Iterator[Problem | Skip]:
    weights, config = run.root.one(AdapterWeights), run.root.one(AdapterConfig)
    if weights is None or config is None:
        yield Skip("the run has no adapter of its own that could be read")
        return
    reason = why_not_from_zero(run, config)
    if isinstance(claim, str) or reason is not None:
        yield Skip(reason or str(claim))
        return
    if not claim.scheduled:
        yield Skip(
            "the schedule of the learning rate is not known, so neither is how far the steps should lead"
        )
        return
    if claim.sure < LEAST_STEPS:
        yield Skip(f"{counted(claim.sure, 'step')} are too few to tell")
        return
    try:
        modules = list(moved(weights))
    except CannotRead as error:
        yield Skip(f"{weights.path} {error.reason}")
        return
    largest = max((item.largest for item in modules), default=0.0)
    if sum(item.elements for item in modules) < LEAST_NUMBERS:
        yield Skip(f"{weights.path} holds too few numbers in lora_B of linear modules")
    elif 0 < largest < least_movement(claim):
        yield Problem(
            f"no number of lora_B is larger than {plain_number(largest)} after {counted(claim.sure, 'step')} at the "
            f"claimed learning rate of {claim.rate:g}",
            weights.at(max(modules, key=lambda item: item.largest).tensor),
            expected=f"at least {plain_number(least_movement(claim))}, which noise alone would reach",
            observed=plain_number(largest),
        )


def least_movement(claim: Claimed) -> float:
    """What noise reaches, by the mean rate: a schedule that decays takes smaller steps at its end."""
    return SHARE * claim.least / math.sqrt(claim.sure)
