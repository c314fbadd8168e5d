"""log_history is empty, so trainer_state.json holds no loss.

A checkpoint written at the last step of an epoch precedes that epoch's log: with `save_strategy` "steps" and
`logging_strategy` "epoch" the only log comes after the only save (transformers 4.51.3, trainer_callback.py,
`DefaultFlowCallback`; trainer.py, `_save_checkpoint`). Measured over all pairs of strategies, an empty list
also comes from logging switched off. What was logged is in the event file, and in a trainer_state.json that
`save_state()` writes after training.

Wrong when: the run is shorter than `logging_steps`, so that no log was due; then this is a note,
and nothing is said where the arguments prove it.

Fix: publish the trainer_state.json of the end of training (`trainer.save_state()`) or the event file, or save by
epoch.

Bad:
    repository: seed
    # it was saved before the log of its only epoch

Good:
    # the final state has the rows
    checkpoint-*/trainer_state.json: /log_history = []
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._received import arguments, logs_with_scalars
from auditor.checks._wording import counted, plain_number
from auditor.checks.training._due import log_is_missing
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.model import Problem, Severity, Skip, name_of
from auditor.runs import Run

SEVERITY = Severity.WARNING

_ALLOWED: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("steps", ("epoch", "no"), False),
    ("epoch", ("no",), True),
)
"""(save_strategy, logging_strategies, only without evaluation) under which a last checkpoint has no log."""


def check(run: Run, ledger: Ledger) -> Iterator[Problem | Skip]:
    """Look at all states of the run: one with rows is enough."""
    state = run.latest(TrainerState)
    if state is None:
        yield Skip("no trainer_state.json was read")
        return
    steps = state.global_step or 0
    if steps < 1 or any(item.log_history for item in run.all(TrainerState)):
        return
    if log_is_missing(state, arguments(run)):
        return
    strategy, interval = _strategy("logging_strategy", ledger), state.logging_steps
    if arguments(run).get("logging_strategy") == "steps" and interval is not None and interval > steps:
        yield Skip(f"the arguments ask for a log every {plain_number(interval)} steps: none was due")
        return
    too_short = strategy in (None, "steps") and interval is not None and interval > steps
    with_loss = [log.path for log in logs_with_scalars(run) if "train/loss" in log.scalars]
    why = (
        (f"logging_steps is {plain_number(interval)}: no log was due",)
        if too_short and interval is not None
        else tuple(_explanations(ledger))
    )
    yield Problem(
        f"log_history is empty after {counted(steps, 'step')}: no loss is in this file",
        state.at("/log_history"),
        expected="rows with the loss, here or in a trainer_state.json of the end of training",
        observed="[]",
        evidence=(*why, _where(run, with_loss)),
        severity=Severity.NOTE if too_short or with_loss else None,
    )


def _strategy(key: str, ledger: Ledger) -> str | None:
    value = ledger.value(key, EFFECTIVE, DECLARED)
    return value.rpartition(".")[2].lower() if isinstance(value, str) else None


def _explanations(ledger: Ledger) -> Iterator[str]:
    """The strategies under which the Trainer leaves the list empty, narrowed by those that are known."""
    save, logging, evaluation = (
        _strategy(key, ledger) for key in ("save_strategy", "logging_strategy", "eval_strategy")
    )
    ways: list[str] = []
    for saving, logs, without_evaluation in _ALLOWED:
        left = [name for name in logs if logging in (None, name)]
        if save in (None, saving) and left and (not without_evaluation or evaluation in (None, "no")):
            default = " (not declared; the trainer's default)" if save is None and saving == "steps" else ""
            extra = " and no evaluation" if without_evaluation else ""
            ways.append(f"save_strategy {saving}{default} with logging_strategy {' or '.join(left)}{extra}")
    if ways:
        yield f"the list stays empty under {'; or under '.join(ways)}"


def _where(run: Run, with_loss: list[str]) -> str:
    if with_loss:
        return f"the losses are in {with_loss[0]}"
    paths = _event_paths(run)
    if paths:
        return f"{paths[0]} may hold the losses; it was not read or has no scalars"
    return "no event file is in the repository"


def _event_paths(run: Run) -> tuple[str, ...]:
    """Every event file below the run's folder, read or not."""
    inside = run.contents.snapshot.under(run.path)
    return tuple(path for path in inside if name_of(path).startswith("events.out.tfevents."))
