"""logging_steps is negative, which is a share of the run and not an interval.

`TrainerState.compute_steps` takes every interval below one for a ratio: it becomes
`ceil(max_steps * logging_steps)` (transformers 4.46 to 5.23.0, trainer_callback.py), so -1 becomes minus the
number of steps. Under `logging_strategy` "steps" that logs once, at the last step; under "epoch" it is not
read. AutoTrain gives -1 a third meaning of its own.

Wrong when: the platform replaces the value before training, as AutoTrain does.

Fix: declare a positive number of steps, or leave the key out and set `logging_strategy`.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/logging_steps = -1

Good:
    # a share that is meant: every tenth of the run
    cheetah-fine-tuning-config.json: /train_model_parameters/logging_steps = 0.1
"""

import math
from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import plain_number, shown
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(run: Run, recipe: Recipe) -> Iterator[Problem]:
    """Show the arithmetic where the state bears it out; a run whose losses were logged has lost nothing."""
    stated = recipe.settings.get("logging_steps")
    wanted = stated.meant if stated else None
    if stated is None or isinstance(wanted, bool) or not isinstance(wanted, int | float) or not wanted < 0:
        return
    state = run.latest(TrainerState)
    logged = any(item.logged("loss") for item in run.all(TrainerState))
    yield Problem(
        f"logging_steps is {shown(stated.value)}, which the trainer takes for a share of all steps",
        Location(recipe.path, stated.member),
        expected="a positive number of steps",
        observed=shown(stated.value),
        evidence=tuple(_arithmetic(wanted, state)),
        severity=Severity.NOTE if logged else None,
    )


def _arithmetic(wanted: int | float, state: TrainerState | None) -> Iterator[str]:
    if state is None or state.max_steps is None or state.logging_steps is None or not math.isfinite(wanted):
        return
    became = math.ceil(state.max_steps * wanted)
    if became == state.logging_steps:
        yield (
            f"{state.path}: logging_steps {became} = ceil({plain_number(state.max_steps)} x "
            f"{plain_number(wanted)})"
        )
