r"""The card's table of training results is not that of the training log.

The Trainer writes the table from its log: one row for each evaluation, with the loss of the last log before it,
rounded to four digits (transformers 5.23.0, modelcard.py, `parse_log_history`). A row whose step is in the log with
other numbers is of another training, or was edited.

Wrong when: the card was kept from an earlier run that was pushed to the same repository.

Fix: make the card again from the training that is committed (`trainer.create_model_card()`).

Bad:
    checkpoint-*/trainer_state.json: /log_history/8/eval_loss = 3.5
    README.md: + "\n| Training Loss | Epoch | Step | Validation Loss |\n|-|-|-|-|\n| No log | 0.5 | 9 | 2.1 |\n"

Good:
    checkpoint-*/trainer_state.json: /log_history/8/eval_loss = 3.5
    README.md: + "\n| Training Loss | Epoch | Step | Validation Loss |\n|-|-|-|-|\n| No log | 0.5 | 9 | 3.5 |\n"
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts._fields import is_number
from auditor.artifacts.model_card import ModelCard
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import counted
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_HEAD = ("Training Loss", "Epoch", "Step")
_HALF = 0.5e-4
"""Half of the last digit that the card shows."""
_ROWS = 2_000
"""Most rows read of a card."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """Evaluations of the same step, by the names that the Trainer gives to their columns."""
    card = run.root.one(ModelCard)
    rows = list(_table(card.body)) if card else []
    logged = _evaluations(run)
    if card is None or not rows or not logged:
        yield Skip("the card has no table of training results, or no log holds evaluations")
        return
    wrong = [
        (step, name, told, known)
        for step, told_row in rows
        for name, told in told_row.items()
        for known in [[row[name] for row in logged.get(step, ()) if name in row]]
        if known and not any(_same(told, value) for value in known)
    ]
    if wrong:
        step, name, told, known = wrong[0]
        yield Problem(
            f"{counted(len(wrong), 'number')} of the card's training results "
            f"{'is' if len(wrong) == 1 else 'are'} not in the log, first {name} {told:g} at step {step}",
            card.at(name),
            expected=f"{known[0]:.4f}",
            observed=f"{told:g}",
        )


def _same(told: float, value: float) -> bool:
    return abs(told - value) <= _HALF * 1.001 + 1e-9 * abs(value)


def _evaluations(run: Run) -> Mapping[int, list[dict[str, float]]]:
    """Step -> every evaluation logged there, by the Trainer's column names."""
    found: dict[int, list[dict[str, float]]] = {}
    for state in run.all(TrainerState):
        for row in state.log_history if "eval_loss" in state.row_keys else ():
            step = row.get("step")
            if isinstance(step, int) and "eval_loss" in row:
                named = {_column(key): float(value) for key, value in row.items() if is_number(value)}
                found.setdefault(step, []).append(named)
    return found


def _column(key: str) -> str:
    """``eval_loss`` is "Validation Loss", ``eval_f1_macro`` "F1 Macro" (modelcard.py, `parse_log_history`)."""
    if key == "eval_loss":
        return "Validation Loss"
    return " ".join(part.capitalize() for part in key.split("_")[1:])


def _table(text: str) -> Iterator[tuple[int, dict[str, float]]]:
    """Rows of the first table that begins as the Trainer's does: (step, {column: number})."""
    head: list[str] = []
    for line in text.splitlines()[: _ROWS * 2]:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if tuple(cells[:3]) == _HEAD:
            head = cells
        elif head and not line.startswith("|"):
            return
        elif head and len(cells) == len(head) and cells[2].isdecimal():
            values = {name: _number(cell) for name, cell in zip(head[3:], cells[3:], strict=True)}
            yield int(cells[2][:12]), {name: value for name, value in values.items() if value is not None}


def _number(cell: str) -> float | None:
    try:
        value = float(cell[:40])
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
