"""Steps, epochs and intervals in trainer_state.json against what was asked for.

``TrainerState.compute_steps`` turns an interval below one into ``ceil(max_steps * interval)`` and keeps one
of one or more as it is (transformers 4.46 to 5.23.0, trainer_callback.py), so -1 becomes ``-max_steps``.
``num_train_epochs`` in the state is the declared number rounded up, unless max_steps was given, which then
rules (trainer.py ``set_initial_training_values``); its ``train_batch_size`` is the micro-batch that ran. A
finished run's epoch is ``global_step / max_steps`` of its epochs, but for what the last step of an epoch
leaves over.
"""

import math
from collections.abc import Iterator, Sequence

from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.evidence._against import plain
from auditor.evidence._say import contradicted, number, real, unverifiable, verified, whole
from auditor.model import Evidence, Statement, Status
from auditor.runs import Run

LEAST = -1_000_000.0
"""The lowest interval looked at; -1 is what platforms write, and a product with max_steps must fit a float."""


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test max_steps, num_train_epochs, global_step, the micro-batch and the three intervals."""
    state = run.latest(TrainerState)
    if state is None:
        return
    others = [other for other in run.all(TrainerState) if other is not state]
    for item in _weighed(ledger, state):
        yield item if item.outcome is not Status.CONTRADICTED else _doubted(item, others)


def _doubted(item: Evidence, others: Sequence[TrainerState]) -> Evidence:
    """A value that other copies of the state do not share contradicts them first, which a rule reports."""
    if not any(other.raw.get(item.claim, item.value) != item.value for other in others):
        return item
    return unverifiable(item.claim, f"{item.says}; other copies of the state disagree", *item.paths)


def _weighed(ledger: Ledger, state: TrainerState) -> Iterator[Evidence]:
    yield from _max_steps(ledger, state)
    yield from _epochs(ledger, state)
    yield from _progress(state)
    yield from _batch(ledger, state)
    for key, found in (
        ("logging_steps", state.logging_steps),
        ("save_steps", state.save_steps),
        ("eval_steps", state.eval_steps),
    ):
        stated = ledger.statement(key, DECLARED, EFFECTIVE)
        wanted = real(plain(stated.value)) if stated else None
        if stated is not None and wanted is not None and found is not None and wanted >= LEAST:
            yield from _interval(key, stated, wanted, found, state)


def _asked_steps(ledger: Ledger) -> float | None:
    """The max_steps asked for, when it is one that rules (above zero)."""
    asked = real(plain(ledger.value("max_steps", EFFECTIVE, DECLARED)))
    return asked if asked is not None and asked > 0 else None


def _max_steps(ledger: Ledger, state: TrainerState) -> Iterator[Evidence]:
    stated = ledger.statement("max_steps", DECLARED, EFFECTIVE)
    wanted = whole(stated.value) if stated else None
    if stated is None or wanted is None or wanted <= 0 or state.max_steps is None:
        return
    paths = (state.path, stated.path)
    if wanted == state.max_steps:
        yield verified("max_steps", f"trainer_state.json says the same: {wanted}", "", wanted, *paths)
    else:
        says = (
            f"max_steps {number(wanted)} was asked for, and trainer_state.json says {number(state.max_steps)}"
        )
        yield contradicted("max_steps", says, "", state.max_steps, *paths)


def _epochs(ledger: Ledger, state: TrainerState) -> Iterator[Evidence]:
    stated = ledger.statement("num_train_epochs", DECLARED, EFFECTIVE)
    wanted = real(plain(stated.value)) if stated else None
    found = real(state.num_train_epochs)
    if stated is None or wanted is None or found is None:
        return
    paths = (state.path, stated.path)
    if _asked_steps(ledger) is not None:
        yield unverifiable("num_train_epochs", "max_steps was given, which outweighs the epochs", *paths)
    elif math.ceil(wanted) == found:
        detail = f"ceil({number(wanted)}) = {number(found)}"
        yield verified("num_train_epochs", "trainer_state.json counts as many epochs", detail, found, *paths)
    else:
        says = f"{number(wanted)} epochs were asked for, and trainer_state.json says {number(found)}"
        yield contradicted("num_train_epochs", says, "", found, *paths)


def _progress(state: TrainerState) -> Iterator[Evidence]:
    """Only agreement counts here: a remainder of micro-batches or a given max_steps shifts the epoch."""
    steps, total, epochs, epoch = state.global_step, state.max_steps, state.num_train_epochs, state.epoch
    if steps is None or not total or total < 1 or epochs is None or epoch is None:
        return
    expected = steps / total * epochs
    one_step = epochs / total
    # Older releases round the epoch to two digits.
    if abs(expected - epoch) <= max(min(one_step, 0.05), 0.005):
        detail = f"{number(steps)} / {number(total)} x {number(epochs)} = {number(expected)} (epoch {epoch})"
        yield verified("global_step", "steps, epoch and max_steps agree", detail, steps, state.path)


def _batch(ledger: Ledger, state: TrainerState) -> Iterator[Evidence]:
    """The state's micro-batch is the declared one times the GPUs of one process, or what memory allowed."""
    key = "per_device_train_batch_size"
    stated, found = ledger.statement(key, DECLARED, EFFECTIVE), state.train_batch_size
    wanted = whole(stated.value) if stated else None
    if stated is None or wanted is None or wanted < 1 or found is None or found < 1:
        return
    paths = (state.path, stated.path)
    says = f"{key} {wanted} was asked for, and the micro-batch that ran was {found}"
    if wanted == found:
        yield verified(key, f"the micro-batch that ran was {found}", "", found, *paths)
    elif ledger.value("auto_find_batch_size") in (True, "true"):
        yield unverifiable(key, f"{says}: auto_find_batch_size may lower it when memory runs out", *paths)
    elif stated.role == EFFECTIVE or found % wanted == 0:
        yield unverifiable(key, f"{says}: several GPUs or a resume with other arguments do that", *paths)
    else:
        yield contradicted(key, says, "", found, *paths)


def _interval(
    key: str, stated: Statement, wanted: float, found: int | float, state: TrainerState
) -> Iterator[Evidence]:
    paths = (state.path, stated.path)
    if wanted >= 1:
        expected, detail = wanted, ""
    elif state.max_steps is None:
        return
    else:
        expected = math.ceil(state.max_steps * wanted)
        detail = f"ceil({number(state.max_steps)} x {number(wanted)}) = {number(expected)}"
    if expected == found:
        says = f"trainer_state.json says {number(found)}, which is what {key} {number(wanted)} becomes"
        yield verified(key, says, detail, found, *paths)
        return
    says = f"{key} {number(wanted)} was asked for, and trainer_state.json says {number(found)}"
    if wanted < 1:
        yield unverifiable(key, f"{says}; platforms give a value below one a meaning of their own", *paths)
    elif stated.role == EFFECTIVE:
        yield unverifiable(key, f"{says}; the run may have been resumed with other arguments", *paths)
    else:
        yield contradicted(key, says, detail, found, *paths)
