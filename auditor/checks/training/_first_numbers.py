"""lora_A against the numbers that it began with, where its seed is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.artifacts._fields import is_number
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import counted, plain_number
from auditor.checks.adapter import final_adapter_differs_from_checkpoint
from auditor.checks.training import weights_outrun_optimizer, weights_rest_under_moments
from auditor.checks.training._claimed_reach import MARGIN, Claimed, why_not_from_the_start
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.compare.reach import ROUNDED, Bound
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

if TYPE_CHECKING:
    from auditor.compare.initial import Begun, Seeded

TOLD = "lora_A is not looked at: the run's adapters contradict each other"
_LOOKED_AT = 4
"""Modules replayed whole, at most, to tell a movement from another basis: the furthest."""


@dataclass(frozen=True, slots=True)
class Began:
    """The linear modules of an adapter whose first lora_A is known, and the steps that were taken since.

    ``steps`` is None for the run's own adapter, which all steps made.
    """

    adapter: "Seeded"
    modules: "Sequence[Begun]"
    steps: int | None

    @property
    def seed(self) -> int:
        """The low 32 bits of the seed that drew the numbers."""
        return self.modules[0].seed


def began(run: Run, ledger: Ledger) -> Began | str:
    """The modules whose first lora_A is known; or why none is. Reuses the replay of seed-from-lora-init."""
    from auditor.compare.initial import seeded_adapter

    seed = ledger.value("seed", DECLARED, EFFECTIVE)
    if not is_number(seed) or seed != seed // 1:
        return "no file names a seed whose draws lora_A could be held against"
    return began_in(run, seeded_adapter(run, int(seed)))


def began_in(run: Run, found: "Seeded | None") -> Began | str:
    """The same of an adapter and a proof that are at hand."""
    pairs = {} if found is None else found.weights.pairs()
    linear = [item for item in found.proof.begun if not pairs[item.module].is_embedding] if found else []
    if found is None or not linear:
        return "the numbers that lora_A began with are not known"
    if found.folder is run.root:
        return Began(found, linear, None)
    state = found.folder.one(TrainerState)
    steps = found.folder.step if state is None or state.global_step is None else state.global_step
    return Began(found, linear, steps) if steps else "the steps that made the adapter are not known"


def allowed(item: "Begun", bound: Bound, steps: int | None) -> float:
    """The furthest that a module's lora_A can lie from the numbers it was drawn as, margin included.

    The numbers are drawn in float32 and may have been rounded to the base's type before the first step (peft 0.21.2,
    tuners_utils.py, ``_move_adapter_to_device_of_base_layer``).
    """
    begun = item.seen.largest * (1 + ROUNDED["BF16"])
    furthest = bound.furthest(begun, until=steps, precision=item.precision)
    return (furthest + item.seen.largest * ROUNDED["BF16"]) * (1 + MARGIN)


def beyond_first_numbers(run: Run, ledger: Ledger, claim: Claimed) -> Iterator[Problem | Skip]:
    """One finding for all modules whose lora_A lies further from its first numbers than the steps can carry it."""
    found = began(run, ledger)
    reason = why_not_from_the_start(run) or (found if isinstance(found, str) else None)
    if claim.bound is None:
        reason = f"{claim.steps:,} steps are too many to follow"
    if isinstance(found, str) or claim.bound is None or reason is not None:
        yield Skip(f"lora_A is not looked at: {reason}")
        return
    bound, steps = claim.bound, found.steps
    far = [item for item in found.modules if item.seen.moved > allowed(item, bound, steps)]
    if far and is_told(run):
        yield Skip(TOLD)
    elif far:
        yield _problem(found, far, bound)


def is_told(run: Run) -> bool:
    """Whether another rule names the change that carried lora_A away: of one file among others."""
    rules = (weights_outrun_optimizer, weights_rest_under_moments, final_adapter_differs_from_checkpoint)
    return any(isinstance(item, Problem) for rule in rules for item in rule.check(run))


def _problem(found: Began, far: "Sequence[Begun]", bound: Bound) -> Problem:
    """A note where another basis of the same update explains all of the distance."""
    limits = {item.module: allowed(item, bound, found.steps) for item in far}
    order = sorted(far, key=lambda item: item.seen.moved / limits[item.module], reverse=True)
    proven = next(
        (item for item in order[:_LOOKED_AT] if moved_in_any_basis_of(found, item) > limits[item.module]),
        None,
    )
    worst, steps = proven or order[0], found.steps if found.steps is not None else bound.steps
    basis = "" if proven else "; this may be another basis of the same update"
    return Problem(
        f"lora_A of {len(far):,} of {counted(len(found.modules), 'module')} lies further from the numbers that seed "
        f"{found.seed} drew than {counted(steps, 'step')} at the claimed learning rate can carry it{basis}",
        found.adapter.weights.at(worst.tensor),
        expected=f"at most {plain_number(limits[worst.module])}, where each step goes as far as the optimizer allows",
        observed=plain_number(worst.seen.moved),
        severity=None if proven else Severity.NOTE,
    )


def moved_in_any_basis_of(found: Began, item: "Begun") -> float:
    """How far a module's lora_A moved at least, whichever basis it is in; 0.0 where the file cannot be read whole."""
    from auditor.compare.initial import moved_in_any_basis

    try:
        return moved_in_any_basis(item, found.adapter.weights)
    except CannotRead:  # what cannot be read whole is told by others
        return 0.0
