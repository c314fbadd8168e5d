"""The weights moved further than the learning rate and the number of steps that are claimed for the run explain.

Adam moves a number by about the learning rate a step (torch 2.13.0, optim/adam.py), and lora_B starts at zero (peft
0.21.2, tuners/lora/layer.py), so its largest number tells a lower end of the learning rates of all steps together. In
trainings measured for this rule it was 0.65 to 1.2 of their sum; more than twice the sum needs gradients that grow from
step to step as those of no training do. Where the run's optimizer.pt is at hand, `weights-outrun-optimizer` says it.

lora_A starts at numbers that the seed draws. Where they are known (`seed-from-lora-init`), no number of it lies further
from its draw than Adam's arithmetic allows in the steps taken, decay counted in: each step by at most the rate times a
constant of the step and the betas (Cauchy and Schwarz; Lion's steps are signs and go by the rate). The same holds of
both factors between two checkpoints, which needs no seed. In 260 trainings of 5 to 24 steps on three tiny bases lora_A
went 0.2 to 0.83 of that. A step in 16 bits is rounded and may go further, which the bound allows for; where logged
rates do not agree with the schedule, every step counts with the highest.

Wrong when: LoRA+ gave lora_B a higher rate, training began from another adapter, or several adapters were averaged,
which all belong in the card. Another basis of the same update lengthens lora_B and moves lora_A honestly: where a
change of basis can explain what is seen, or another adapter of the repository lies within reach, this is a note.

Fix: declare the learning rate, LoRA+ ratio or starting adapter that made these weights, or publish the weights that
the declared run made.

Bad:
    checkpoint-9/: removed
    checkpoint-18/: removed
    adapter_model.safetensors: tensor *.lora_B.weight * 2.5

Good:
    checkpoint-9/: removed
    checkpoint-18/: removed
    adapter_model.safetensors: tensor *.lora_B.weight * 1.5
"""

from collections.abc import Iterator, Sequence

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._wording import counted, plain_number
from auditor.checks.training._began_from import began_from, told_start
from auditor.checks.training._claimed_reach import Claimed, claimed_steps, has_adam_state, why_not_from_zero
from auditor.checks.training._first_numbers import beyond_first_numbers
from auditor.checks.training._since_checkpoint import beyond_checkpoint
from auditor.claims import Ledger
from auditor.compare.reach import Moved, moved, recognisable
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

TIMES = 2.0
"""How many times the sum of the learning rates is more than any training moves a number; 1.2 was the most measured."""
_TYPES = ("F32", "F16", "BF16")


def check(run: Run, ledger: Ledger) -> Iterator[Problem | Skip]:
    """The run's own adapter against the rate and the steps that are claimed for it, then what lies between checkpoints.

    One cause is one finding: what is beyond the first bound is not held against the next.
    """
    claim = claimed_steps(run, ledger)
    found = list(_from_zero(run, claim))
    if not isinstance(claim, str):
        for look in (beyond_first_numbers(run, ledger, claim), beyond_checkpoint(run, claim)):
            if not any(isinstance(item, Problem) for item in found):
                found += look
    yield from found


def _from_zero(run: Run, claim: Claimed | str) -> Iterator[Problem | Skip]:
    """lora_B against its start."""
    weights, config = run.root.one(AdapterWeights), run.root.one(AdapterConfig)
    if weights is None or config is None:
        yield Skip("the run has no adapter of its own that could be read")
        return
    if has_adam_state(run):
        yield Skip("the optimizer's state is at hand, which bounds the weights more sharply")
        return
    reason = why_not_from_zero(run, config)
    if isinstance(claim, str) or reason is not None:
        yield Skip(reason or str(claim))
        return
    try:
        modules = [item for item in moved(weights) if weights.tensors[item.tensor].dtype in _TYPES]
        far = [item for item in modules if item.largest > TIMES * claim.total]
        pairs = weights.pairs()
        as_it_began = [item for item in far if recognisable(weights, config, pairs[item.module])]
        start = began_from(run, weights, TIMES * claim.total) if far else None
    except CannotRead as error:
        yield Skip(f"{weights.path} {error.reason}")
        return
    if not modules:
        yield Skip(f"{weights.path} holds no lora_B of a linear module")
    elif far:
        yield told_start(_beyond(weights, claim, far, as_it_began, len(modules)), start)


def _beyond(
    weights: AdapterWeights, claim: Claimed, far: Sequence[Moved], as_it_began: Sequence[Moved], of: int
) -> Problem:
    """The finding that names the tensor that went furthest; a note where every such module is in another basis."""
    worst = max(as_it_began or far, key=lambda item: item.largest)
    basis = (
        "" if as_it_began else "; lora_A is not as it began, so this may be another basis of the same update"
    )
    return Problem(
        f"lora_B of {len(far):,} of {counted(of, 'module')} moved further than "
        f"{counted(claim.steps, 'step')} at the claimed learning rate can move it{basis}",
        weights.at(worst.tensor),
        expected=f"about {plain_number(claim.total)} at most, the sum of the rates",
        observed=f"{plain_number(worst.largest)}",
        severity=None if as_it_began else Severity.NOTE,
    )
