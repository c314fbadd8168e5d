"""An interval is declared as a share of the run.

`TrainerState.compute_steps` takes an interval between nought and one for a ratio and makes it
`ceil(max_steps * ratio)` (transformers 4.46 to 5.23.0, trainer_callback.py). The number of steps between two
checkpoints then depends on the data and the batch, and nobody can read it off the configuration.

Wrong when: never; the note says which number it became.

Fix: none is needed; declare whole steps where they matter.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/save_steps = 0.5

Good:
    cheetah-fine-tuning-config.json: /train_model_parameters/save_steps = 9
"""

import math
from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import plain_number
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.NOTE

_INTERVALS = ("save_steps", "eval_steps", "logging_steps")


def check(run: Run, recipe: Recipe) -> Iterator[Problem]:
    """One note for each interval; what it became where the number of steps is known."""
    state = run.latest(TrainerState)
    steps = state.max_steps if state else None
    for key in _INTERVALS:
        stated = recipe.settings.get(key)
        ratio = stated.meant if stated else None
        if stated is None or not isinstance(ratio, float) or not 0 < ratio < 1:
            continue
        became = math.ceil(steps * ratio) if steps is not None and steps > 0 else None
        yield Problem(
            f"{stated.key} is {plain_number(ratio)}, a share of the run"
            + (f": every {became:,} of {steps:,} steps" if became is not None else ""),
            Location(recipe.path, stated.member),
            observed=plain_number(ratio),
        )
