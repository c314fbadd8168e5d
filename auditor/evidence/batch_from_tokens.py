"""Gradient accumulation, from the tokens of one optimizer step.

total_flos gives the tokens of all micro-batches, padding included (see tokens-from-total-flos). Where every
row is as long as ``max_length`` (packed, or padded to it), a step holds ``train_batch_size x processes x
gradient_accumulation_steps x max_length`` tokens (transformers 4.51.3 and 5.23.0, trainer.py: one
``floating_point_ops`` call a micro-batch; trainer_state.json's train_batch_size is the micro-batch that
ran). Only an exact match proves or contradicts: shorter rows give any smaller number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.evidence._files import processes
from auditor.evidence._flos import FlosLedger
from auditor.evidence._say import contradicted, count, number, unverifiable, verified, whole
from auditor.model import Evidence, Statement
from auditor.runs import Run

AFTER = ("tokens_from_total_flos",)
CLAIM = "gradient_accumulation_steps"


@dataclass(frozen=True, slots=True)
class _Step:
    """``row`` tokens fit one row; ``rows`` are drawn by all processes together for one micro-batch."""

    tokens: Fraction
    batch: int
    ranks: int
    row: int
    row_key: str
    steps: int
    epochs: int | None

    @property
    def micro_batch(self) -> int:
        """Tokens of one full micro-batch over all processes."""
        return self.batch * self.ranks * self.row

    @property
    def accumulated(self) -> Fraction:
        """How many full micro-batches a step held on average."""
        return self.tokens / self.micro_batch

    def fits(self, accumulation: int) -> bool:
        """Whether full micro-batches in groups of that many, the last of an epoch smaller, give these
        steps.
        """
        if self.accumulated == accumulation:
            return True
        if self.epochs is None:
            return False
        total = self.accumulated * self.steps
        if total.denominator != 1 or total.numerator % self.epochs or self.steps % self.epochs:
            return False
        return -(-(total.numerator // self.epochs) // accumulation) == self.steps // self.epochs


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test gradient_accumulation_steps, the declared one before the effective one."""
    flos, state = ledger.derived("tokens"), run.latest(TrainerState)
    stated = ledger.statement(CLAIM, DECLARED, EFFECTIVE)
    accumulation = whole(stated.value) if stated else None
    if stated is None or accumulation is None or accumulation < 1:
        return
    if not isinstance(flos, FlosLedger) or state is None:
        return
    step = _step(run, ledger, flos, state)
    if isinstance(step, str):
        yield unverifiable(CLAIM, step, state.path)
        return
    if step.accumulated > accumulation and ledger.value("auto_find_batch_size") in (True, "true"):
        says = f"{number(step.tokens)} tokens a step may hold those of attempts that ran out of memory"
        yield unverifiable(CLAIM, says, state.path)
        return
    yield _judged(step, accumulation, stated, state.path)


def _step(run: Run, ledger: Ledger, flos: FlosLedger, state: TrainerState) -> _Step | str:
    """The parts of one step, or the sentence that says which is missing."""
    lengths = {
        key: length
        for key in ("max_length", "block_size")
        if (length := whole(ledger.value(key, EFFECTIVE, DECLARED))) is not None and length > 0
    }
    per_step = f"{number(flos.tokens_per_step)} tokens a step are known"
    if not lengths:
        return f"{per_step}, but no length of a row is declared"
    if len(set(lengths.values())) > 1:
        return f"{per_step}, but max_length and block_size differ, so the length of a row is open"
    ranks = processes(run)
    if ranks is None:
        return f"{per_step}, but no rng_state file tells how many processes trained"
    batch = state.train_batch_size
    if batch is None or batch < 1 or not state.global_step:
        return f"{per_step}, but trainer_state.json does not record the micro-batch"
    key = next(iter(lengths))
    epochs = whole(state.epoch)
    return _Step(
        flos.tokens_per_step,
        batch,
        ranks,
        lengths[key],
        key,
        state.global_step,
        epochs if epochs and epochs > 0 else None,
    )


def _judged(step: _Step, accumulation: int, stated: Statement, path: str) -> Evidence:
    held = step.accumulated
    detail = (
        f"{number(step.tokens)} tokens a step = {step.batch} (train_batch_size) x {step.ranks} (processes) "
        f"x {number(step.row)} ({step.row_key}) x {number(held)}"
    )
    paths = (path, stated.path)
    if held == accumulation or (step.fits(accumulation) and _only(step, accumulation)):
        says = f"{number(step.tokens)} tokens a step are what accumulation {accumulation} gives"
        return verified(CLAIM, says, detail, accumulation, *paths)
    if held.denominator == 1 and held > 0 and not step.fits(accumulation):
        return contradicted(CLAIM, _accusation(step, accumulation), detail, held.numerator, *paths)
    average = step.tokens / (accumulation * step.batch * step.ranks)
    says = (
        f"{number(step.tokens)} tokens a step would be {number(average)} a row on average under accumulation "
        f"{accumulation}, where {step.row_key} is {number(step.row)}: rows of varying length leave it open"
    )
    return unverifiable(CLAIM, says, *paths)


def _only(step: _Step, accumulation: int) -> bool:
    return not any(step.fits(other) for other in (accumulation - 1, accumulation + 1) if other > 0)


def _accusation(step: _Step, accumulation: int) -> str:
    held = step.accumulated.numerator
    average = step.tokens / (accumulation * step.batch * step.ranks)
    full = count(held * step.batch * step.ranks, "row")
    each = number(accumulation * step.batch * step.ranks)
    return (
        f"{number(step.tokens)} tokens a step are {full} of {number(step.row)}: the declared accumulation "
        f"{accumulation} was not applied, unless each step held {each} rows that average exactly "
        f"{number(average)} tokens"
    )
