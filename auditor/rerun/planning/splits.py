"""Rows that were held out of training: a script splits its data set, and the file given here still holds all of it.

Seen where an epoch had fewer steps than the rows make, one example each, and as many as a usual share of them does.
"""

import math
from collections.abc import Iterator, Mapping

from auditor.model import Alternative, Setting
from auditor.rerun.planning.counted import counts_steps, steps_of_rows, whole
from auditor.rerun.planning.row_order import SHUFFLED, USED, usual_seeds
from auditor.runs import Run

PACKING = "packing"
SHARES = (0.1, 0.2, 0.05, 0.25, 0.3, 0.15, 0.02, 0.01)
"""Shares that people hold out, the commonest first."""
_DECIDING = ("per_device_train_batch_size", "gradient_accumulation_steps", "num_train_epochs")


def of_run(
    run: Run, known: Mapping[str, Setting], rows: int | None
) -> tuple[Mapping[str, Setting], tuple[Alternative, ...]]:
    """The setting that every row is used, and the readings that some were not; neither where the rows fit the steps."""
    if rows is None or not _has_too_many(run, known, rows):
        return {}, ()
    total = whole(known["max_steps"].value)
    sizes = [size for size in _sizes(rows) if steps_of_rows(known, rows - size) == total]
    found = tuple(reading for size in sizes[:1] for reading in _readings(known, rows, size))
    if not found:
        return {}, ()
    return {USED: Setting(None, "no file tells it: every row of the data", assumed=True)}, found


def _has_too_many(run: Run, known: Mapping[str, Setting], rows: int) -> bool:
    """Whether rows that are one example each make more steps than the run had, as far as files tell."""
    packing = known.get(PACKING)
    if any(key not in known or known[key].assumed for key in _DECIDING) or "max_steps" not in known:
        return False
    if packing is None or (packing.value is True and not packing.assumed):
        return False
    if counts_steps(run):
        return False
    expected = steps_of_rows(known, rows)
    return expected is not None and expected > whole(known["max_steps"].value)


def _sizes(rows: int) -> Iterator[int]:
    """How many rows the shares hold out (datasets 5.2.0, arrow_dataset.py, ``train_test_split``: rounded up)."""
    yield from dict.fromkeys(size for share in SHARES if 0 < (size := math.ceil(share * rows)) < rows)


def _readings(known: Mapping[str, Setting], rows: int, size: int) -> Iterator[Alternative]:
    """``train_test_split(test_size=size, seed=...)``, which tests the first that it draws; then the file's first."""
    for seed in usual_seeds(known):
        name = f"{size} of {rows} rows held out by train_test_split with seed {seed}"
        yield _reading(name, {USED: [size, rows], SHUFFLED: seed})
    yield _reading(f"the first {rows - size} of {rows} rows", {USED: [0, rows - size], SHUFFLED: None})


def _reading(name: str, changes: Mapping[str, object]) -> Alternative:
    says = f"{name}: the steps fit it, and no file tells it"
    return Alternative({**changes, PACKING: False}, says, open=True, name=name)
