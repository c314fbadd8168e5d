"""Near recipes that the declared one must beat: they give the scale of distances on this model, data and span."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from auditor.model import RerunPlan
from auditor.rerun.child.rows import RowsError, read_rows
from auditor.rerun.outputs import Output, rows_drawn
from auditor.rerun.trials import CONTROL, Trial

RATE = 1.1
"""A learning rate this many times the declared one: the smallest lie worth telling."""


def controls(plan: RerunPlan, rerun: Output) -> tuple[Trial, ...]:
    """Another seed, another rate, no dropout, no quantisation, one row replaced; those that change anything."""
    return tuple(_controls(plan, rerun))


def _controls(plan: RerunPlan, rerun: Output) -> Iterator[Trial]:
    settings = {key: setting.value for key, setting in plan.settings.items()}
    seeds = _other_seed(settings)
    if seeds:
        yield Trial("control-seed", CONTROL, "another seed", seeds)
    rate = settings.get("learning_rate")
    if isinstance(rate, int | float) and rate > 0:
        says = f"learning_rate x {RATE}"
        yield Trial("control-rate", CONTROL, says, {"learning_rate": rate * RATE})
    dropout = settings.get("lora_dropout")
    if isinstance(dropout, int | float) and dropout > 0:
        yield Trial("control-dropout", CONTROL, "no dropout", {"lora_dropout": 0.0})
    if settings.get("quantization") is not None:
        yield Trial("control-quantization", CONTROL, "no quantisation", {"quantization": None})
    replaced = _row(plan, rerun)
    if replaced:
        (number,) = replaced
        yield Trial("control-row", CONTROL, f"row {number} replaced by another", rows=replaced)


def _other_seed(settings: Mapping[str, object]) -> Mapping[str, object]:
    changes: dict[str, object] = {}
    for key in ("seed", "data_seed"):
        value = settings.get(key)
        if isinstance(value, int):
            changes[key] = value + 1
    return changes


def _row(plan: RerunPlan, rerun: Output) -> Mapping[int, str]:
    """The first row that the span draws with the text of another; nothing where rows cannot be read as text."""
    column = plan.settings.get("text_column")
    drawn = rows_drawn(rerun)
    if not drawn or not plan.data:
        return {}
    try:
        rows = read_rows(Path(plan.data), str(column.value) if column else "text")
    except (RowsError, OSError, UnicodeDecodeError):
        return {}
    first = min(drawn)
    others = (row for number, row in enumerate(rows) if number != first and row != rows[first])
    other = next(others, None)
    return {first: other} if isinstance(other, str) else {}
