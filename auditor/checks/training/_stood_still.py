"""lora_A that did not move although lora_B beside it did.

The gradient of lora_A is scaling * B^T dY x^T, which is zero for every number only while lora_B is (peft 0.21.2,
tuners/lora/layer.py, ``forward``). lora_B moves with the first step whose rate is not zero, and from the next one on
Adam moves lora_A by about the rate, however small its gradient.
"""

from collections.abc import Iterator, Sequence

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks._wording import counted
from auditor.checks.training._claimed_reach import Claimed
from auditor.checks.training._first_numbers import TOLD, began, is_told
from auditor.checks.training._since_checkpoint import Change, changes
from auditor.claims import Ledger
from auditor.errors import CannotRead
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Run

LEAST_STEPS = 10
"""Steps that tell something, of which warm-up may make the first ones small."""
_LEAST_NUMBERS = 256
_LEAST_RATE = 1e-6
"""Mean rate that float32 shows: half an ulp of numbers below one is 3e-8, and of hundreds one moves by half a rate."""
_FROZEN = (
    "LoRA-FA freezes lora_A of every module (peft 0.21.2, optimizers/lorafa.py), which the card should say"
)


def stood_still(run: Run, ledger: Ledger, claim: Claimed) -> Iterator[Problem | Skip]:
    """One finding for all modules whose lora_A stood still since it was drawn, else between two checkpoints.

    Where it stood still in every module, it was frozen or never trained: a note.
    """
    try:
        found = list(_since_the_draw(run, ledger, claim))
        if not any(isinstance(item, Problem) for item in found):
            found += _between(run, claim)
        told = any(isinstance(item, Problem) for item in found) and is_told(run)
        yield from (Skip(TOLD),) if told else found
    except CannotRead as error:
        yield Skip(f"lora_A is not looked at: a file {error.reason}")


def _since_the_draw(run: Run, ledger: Ledger, claim: Claimed) -> Iterator[Problem | Skip]:
    found = began(run, ledger)
    if isinstance(found, str):
        yield Skip(f"lora_A is not looked at: {found}")
        return
    steps, rates = (
        (claim.sure, claim.least) if found.steps is None else (found.steps, claim.rate * found.steps)
    )
    weights = found.adapter.weights
    looked = [(item, item.is_still) for item in found.modules if item.elements >= _LEAST_NUMBERS]
    if steps < LEAST_STEPS or rates < _LEAST_RATE * steps or not any(still for _, still in looked):
        return
    live = [(item, still) for item, still in looked if not item.untrained and _is_live(weights, item.module)]
    names = [item.tensor for item, still in live if still]
    if names:
        words = f"are still the numbers that seed {found.seed} drew, to the last bit, after {counted(steps, 'step')}"
        yield _problem(weights.at(names[0]), names, len(live), words)


def _is_live(weights: AdapterWeights, module: str) -> bool:
    """Whether lora_B is not zero throughout."""
    info = weights.pairs()[module].b
    return info is not None and not weights.is_zero(info.name)


def _between(run: Run, claim: Claimed) -> Iterator[Problem]:
    """The first two adapters of the run between which a lora_A rests while its lora_B moves."""
    for before, after, items in changes(run):
        steps = after.step - before.step
        rates = 0.0 if claim.bound is None else claim.bound.total(before.step, after.step)
        if steps < LEAST_STEPS or rates < _LEAST_RATE * steps:
            continue
        live, still = _moved_and_still(items)
        if still:
            words = f"are those of {before.weights.path}, to the last bit, {counted(steps, 'step')} later"
            yield _problem(after.weights.at(still[0]), still, live, words)
            return


def _moved_and_still(items: Sequence[Change]) -> tuple[int, list[str]]:
    """How many modules' lora_B moved, and which lora_A of them did not, where float32 would have shown it."""
    found: dict[str, dict[str, Change]] = {}
    for item in items:
        found.setdefault(item.module, {})[item.part] = item
    moved = [parts["a"] for parts in found.values() if len(parts) == 2 and parts["b"].moved > 0]
    return len(moved), [item.tensor for item in moved if (item.moved, item.precision) == (0.0, "F32")]


def _problem(at: Location, names: Sequence[str], of: int, words: str) -> Problem:
    every = len(names) == of
    return Problem(
        f"lora_A of {len(names):,} of {counted(of, 'module')} whose lora_B moved {words}",
        at,
        expected="numbers that moved as soon as lora_B was not zero",
        observed="the same bits",
        evidence=(_FROZEN,) if every else (),
        severity=Severity.NOTE if every else None,
    )
