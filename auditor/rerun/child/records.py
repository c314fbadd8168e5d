"""Rows for trainers that tokenise by themselves: whole records, and a log of the batches they collate."""

from collections.abc import Sequence
from typing import Any

from .job import Job
from .rows import RowsError, order, read_records
from .steplog import StepLog


def records(job: Job, columns: Sequence[Sequence[str]]) -> list[dict[str, object]]:
    """Returns the rows with one of the sets of columns, the first set that the first row has; raises RowsError.

    The job's own ``rows`` take the place of those that hold one column of text.
    """
    path, s = job.data, job.settings
    rows = read_records(path)
    if not rows:
        raise RowsError(f"{path.name}: 0 rows give no example to train on")
    wanted = next((group for group in columns if all(name in rows[0] for name in group)), columns[0])
    found: list[dict[str, object]] = []
    for number, row in enumerate(rows):
        for name in wanted:
            if row.get(name) is None:
                raise RowsError(f"{path.name}: row {number} has no column {name!r}")
        found.append({name: row[name] for name in wanted})
    for number, text in job.rows.items():
        if number < len(found) and len(wanted) == 1:
            found[number][wanted[0]] = text
    return [found[number] for number in order(len(found), s.shuffle_seed, s.used_rows)]


def logged(trainer: Any, job: Job, log: StepLog) -> Any:
    """Returns a Trainer whose batches are logged; which rows they hold is not known, only their ids."""
    collate = trainer.data_collator

    def told(features: Any) -> Any:
        batch = collate(features)
        ids, mask = batch.get("input_ids"), batch.get("attention_mask")
        log.collated([], [] if ids is None else ids.tolist(), None if mask is None else int(mask.sum()))
        return batch

    trainer.data_collator = told
    return trainer
