"""What rows and steps decide of a recipe: the accumulation, the total, whether rows are packed, the warm-up."""

import math
from collections.abc import Mapping

from auditor.artifacts._fields import INTEGER_LIMIT, is_number
from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import Ledger
from auditor.model import Alternative, Setting
from auditor.rerun.child.job import batches_of
from auditor.rerun.planning import accumulation
from auditor.rerun.planning.given import given
from auditor.rerun.planning.settings import source_of, warmup
from auditor.runs import Run

NEAR = 1e-3
"""Relative distance of logged epochs, which are rounded to 2 to 4 digits in older releases, from a whole number."""


def counted(
    run: Run, ledger: Ledger, known: Mapping[str, Setting], rows: int | None
) -> tuple[dict[str, Setting], tuple[Alternative, ...]]:
    """Settings worked out from ``rows`` (None where they were not counted) and the run's own counts, and readings.

    Without a total there is neither ``max_steps`` nor ``warmup_steps``.
    """
    found, others = accumulation.derived(run, ledger, known, rows)
    known = {**known, **found}
    total = _total(run, ledger, known, rows)
    made = {**found, "packing": _packing(run, ledger, known, rows, total)}
    if total is not None:
        made |= {"max_steps": total, "warmup_steps": warmup(ledger, whole(total.value))}
    return made, others


def whole(value: object) -> int:
    """A whole number within 64 bits, or 0."""
    return value if isinstance(value, int) and abs(value) < INTEGER_LIMIT else 0


def counts_steps(run: Run) -> bool:
    """Whether the Trainer was given a number of steps, so that epochs say nothing of the total."""
    steps = given(run)[1].get("max_steps")
    return is_number(steps) and steps > 0


def _total(run: Run, ledger: Ledger, known: Mapping[str, Setting], rows: int | None) -> Setting | None:
    """max_steps of trainer_state.json, else of the arguments, else arithmetic over rows and batches.

    Source of the arithmetic: transformers 5.23.0, trainer.py, set_initial_training_values: ceil(epochs x
    ceil(batches / accumulation)). It needs one example a row: not used where rows were packed, and assumed where no
    file says whether they were, unless checkpoints show steps.
    """
    state = run.latest(TrainerState)
    if state is not None and state.max_steps is not None and state.max_steps > 0:
        return Setting(state.max_steps, f"{state.path}#/max_steps")
    stated = ledger.statement("max_steps")
    if stated is not None and whole(stated.value) > 0:
        return Setting(stated.value, source_of(stated))
    packed = ledger.value("packing")
    number = steps_of_rows(known, rows) if rows is not None and packed in (False, None) else None
    if number is None or (packed is None and (known["num_train_epochs"].assumed or run.checkpoints)):
        return None
    says = f"arithmetic: {rows} rows, one example each"
    return Setting(number, says if packed is False else f"{says}; no file says it", assumed=packed is None)


def steps_of_rows(known: Mapping[str, Setting], rows: int) -> int | None:
    """Optimizer steps of rows that are one example each; None where a setting that decides them is none."""
    batch, number = (
        whole(known[key].value) for key in ("per_device_train_batch_size", "gradient_accumulation_steps")
    )
    epochs = known["num_train_epochs"].value
    if batch < 1 or number < 1 or not is_number(epochs) or not 0 < epochs < INTEGER_LIMIT:
        return None
    return math.ceil(epochs * max(1, math.ceil(_batches(known, rows, batch) / number)))


def _batches(known: Mapping[str, Setting], rows: int, batch: int) -> int:
    """Batches of an epoch of rows that are one example each."""
    dropped = known.get("dataloader_drop_last")
    return batches_of(rows, batch, dropped is not None and dropped.value is True)


def _packing(
    run: Run, ledger: Ledger, known: Mapping[str, Setting], rows: int | None, total: Setting | None
) -> Setting:
    """Declared; else whether one example a row gives the recorded number of steps."""
    stated = ledger.statement("packing")
    if stated is not None and isinstance(stated.value, bool):
        return Setting(stated.value, source_of(stated))
    length = known["block_size"].value or known["max_length"].value
    batches = _batches_by_epoch(run, known)
    if batches is not None and rows and length:
        return _packing_by_epoch(known, rows, batches)
    expected = steps_of_rows(known, rows) if rows is not None else None
    if expected is None or total is None or total.assumed or not length:
        usual = Setting(False, "no file says it: one example a row", assumed=True)
        return known.get("packing", usual)
    if expected == total.value:
        return Setting(
            False, f"arithmetic: {rows} rows, one example each, give the {expected} steps", assumed=True
        )
    says = (
        f"arithmetic: {rows} rows as one example each give {expected} steps, not the {total.value} recorded"
    )
    return Setting(True, says, assumed=True)


def _batches_by_epoch(run: Run, known: Mapping[str, Setting]) -> int | None:
    """Batches of an epoch by the first logged epoch, where max_steps was given and epochs say nothing of the total.

    Source: transformers 5.23.0, trainer.py: epoch = micro-batches seen / micro-batches in an epoch.
    """
    state = run.latest(TrainerState)
    if state is None or not counts_steps(run):
        return None
    number = whole(known["gradient_accumulation_steps"].value)
    for step, epoch in state.logged("epoch")[:1]:
        found = number * step / epoch if 0 < epoch <= 1 else 0.0
        if found >= 1 and abs(found - round(found)) <= NEAR * found:
            return round(found)
    return None


def _packing_by_epoch(known: Mapping[str, Setting], rows: int, batches: int) -> Setting:
    each = _batches(known, rows, max(1, whole(known["per_device_train_batch_size"].value)))
    says = f"arithmetic: {rows} rows as one example each give {each} batches an epoch"
    if each == batches:
        return Setting(False, f"{says}, as the logged epochs do", assumed=True)
    return Setting(True, f"{says}, the logged epochs {batches}", assumed=True)
