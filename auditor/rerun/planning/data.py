"""The training data before anything is trained: how many rows it has, and what no trainer could do with it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from auditor.model import Setting
from auditor.rerun.child.rows import RowsError, read_records, read_rows

ROWS_LIMIT = 256 * 1024 * 1024
"""Bytes of a data file whose rows are looked at before training; a larger one only loses the row coverage."""
PREFERENCES = ("prompt", "chosen", "rejected")
"""Columns of a row for DPO (trl 1.16.0, trainer/dpo_trainer.py)."""


def count_rows(data: Path | None, column: object) -> int | None:
    """Rows of the data file; None where it cannot be counted without more than the standard library."""
    return look(data, column)[0]


def look(
    data: Path | None, column: object, trainer: object = "reference"
) -> tuple[int | None, tuple[str, ...]]:
    """The number of rows, None where it is not known, and sentences about rows that a trainer cannot take."""
    if data is None or not data.is_file() or data.stat().st_size > ROWS_LIMIT:
        return None, ()
    if data.suffix.lower() == ".parquet" or not isinstance(column, str):
        return None, ()
    try:
        if trainer in ("reference", "command"):
            rows = read_rows(data, column)
            return len(rows), tuple(_empty(data, rows))
        records = read_records(data)
        return len(records), tuple(_missing(data, records, column, trainer))
    except RowsError as error:
        return None, () if trainer == "command" else (str(error),)
    except (OSError, UnicodeDecodeError) as error:
        return None, (f"{data.name} cannot be read as rows of text: {error}",)


def _empty(data: Path, rows: list[object]) -> Iterator[str]:
    if not rows:
        yield f"{data.name} holds no rows"
    elif not any(row.strip() if isinstance(row, str) else row for row in rows):
        yield f"every row of {data.name} is empty"


def _missing(data: Path, rows: list[Mapping[str, object]], column: str, trainer: object) -> Iterator[str]:
    if not rows:
        yield f"{data.name} holds no rows"
        return
    groups = [PREFERENCES] if trainer == "dpo" else [(column,), ("messages",), ("prompt", "completion")]
    wanted = next((group for group in groups if all(name in rows[0] for name in group)), groups[0])
    for number, row in enumerate(rows):
        for name in wanted:
            if row.get(name) is None:
                yield f"{data.name}: row {number} has no column {name!r}"
                return
    if all(isinstance(text := row[name], str) and not text.strip() for row in rows for name in wanted):
        yield f"every row of {data.name} is empty"


def too_few(
    known: Mapping[str, Setting], rows: int | None, expected: int | None, total: int
) -> Iterator[str]:
    """A sentence where rows are one example each, by a file's word, and cannot make the steps that were recorded."""
    packing, epochs = known["packing"], known["num_train_epochs"].value
    if rows is None or expected is None or packing.assumed or packing.value is not False or expected >= total:
        return
    yield (
        f"the data has {rows} rows, which make {expected} steps in {epochs} epochs without packing "
        f"({packing.source}); the run had {total}"
    )
