"""The weights moved further than the learning rate and the number of steps that are claimed for the run explain.

Adam moves a number by about the learning rate a step (torch 2.13.0, optim/adam.py), and lora_B starts at zero (peft
0.21.2, tuners/lora/layer.py), so its largest number tells a lower end of the learning rates of all steps together. In
trainings measured for this rule it was 0.65 to 1.2 of their sum; more than twice the sum needs gradients that grow from
step to step as those of no training do. Where the run's optimizer.pt is at hand, `weights-outrun-optimizer` says it.

Wrong when: LoRA+ gave lora_B a higher rate, or training began from another adapter, which both belong in the card.
Another basis of the same update lengthens lora_B honestly: where lora_A no longer looks like its first random numbers,
this is a note.

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
from auditor.checks.training._claimed_reach import Claimed, claimed, has_adam_state
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
    """The run's own adapter against the rate and the steps that are claimed for it."""
    weights, config = run.root.one(AdapterWeights), run.root.one(AdapterConfig)
    if weights is None or config is None:
        yield Skip("the run has no adapter of its own that could be read")
        return
    if has_adam_state(run):
        yield Skip("the optimizer's state is at hand, which bounds the weights more sharply")
        return
    claim = claimed(run, ledger, config)
    if isinstance(claim, str):
        yield Skip(claim)
        return
    try:
        modules = [item for item in moved(weights) if weights.tensors[item.tensor].dtype in _TYPES]
        far = [item for item in modules if item.largest > TIMES * claim.total]
        pairs = weights.pairs()
        as_it_began = [item for item in far if recognisable(weights, config, pairs[item.module])]
    except CannotRead as error:
        yield Skip(f"{weights.path} {error.reason}")
        return
    if not modules:
        yield Skip(f"{weights.path} holds no lora_B of a linear module")
        return
    if far:
        yield _beyond(weights, claim, far, as_it_began, len(modules))


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
