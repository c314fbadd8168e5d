"""The best metric of a state is no value that an evaluation logged.

The Trainer keeps the best value of `metric_for_best_model` among its evaluations, each of which is a row of
log_history, with the step and the checkpoint it belongs to (transformers 4.51.3 and 5.23.0, trainer.py,
`_determine_best_metric`, `_save_checkpoint`; 28 of 28 public states agree). A value without its row, a checkpoint
without a value or a step without either come from another run or were edited, and "the best checkpoint" is then
anybody's guess.

Wrong when: a callback sets the best metric itself.

Fix: publish the state as the Trainer wrote it.

Bad:
    checkpoint-18/trainer_state.json: /best_metric = 0.5

Good:
    # as the trainer wrote it
"""

import math
from collections.abc import Iterator

from auditor.artifacts._fields import is_number
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import shown
from auditor.model import Problem, Severity

SEVERITY = Severity.WARNING


def check(state: TrainerState) -> Iterator[Problem]:
    """One finding: the value first, then what is kept with it."""
    raw = state.raw
    metric, step, folder = (raw.get(f"best_{key}") for key in ("metric", "global_step", "model_checkpoint"))
    if metric is None:
        for key, value in (("best_global_step", step), ("best_model_checkpoint", folder)):
            if value:
                yield _problem(state, key, "null, as best_metric is", value)
                return
        return
    logged = [
        row.get("step")
        for row in state.log_history
        for key, value in row.items()
        if key.startswith("eval") and _is_same(value, metric)
    ]
    if not logged:
        yield _problem(state, "best_metric", "a value of an eval_ row in log_history", metric)
    elif "best_global_step" in raw and step not in logged:
        yield _problem(
            state, "best_global_step", f"step {shown(logged[0])}, which logged {shown(metric)}", step
        )


def _is_same(value: object, metric: object) -> bool:
    """Whether one is the other: ms-swift rounds metrics to eight digits (4.0, trainers/patcher.py) once logged."""
    if is_number(value) and is_number(metric) and math.isfinite(value):
        return value == metric or round(value, 8) == metric
    return value == metric


def _problem(state: TrainerState, key: str, expected: str, value: object) -> Problem:
    return Problem(
        f"{key} of {state.path} is {shown(value)}, which no evaluation in log_history gave",
        state.at(f"/{key}"),
        expected=expected,
        observed=shown(value),
    )
