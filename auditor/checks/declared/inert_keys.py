"""Declared keys that the declared trainer does not read.

Supervised trainers know no preference data: `dpo_beta`, `model_ref`, the columns of rejected answers and the
two lengths of prompt and completion belong to DPO, ORPO and reward training (AutoTrain 0.8.36,
trainers/clm/params.py groups them so). They change nothing and suggest a run that did not happen.

Wrong when: the platform reads such a key for another purpose.

Fix: remove the keys, or declare the trainer they belong to.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/dpo_beta = 0.1

Good:
    cheetah-fine-tuning-config.json: /train_model_parameters/dpo_beta = 0.1
    cheetah-fine-tuning-config.json: /trainer = "dpo"
"""

from collections.abc import Iterator

from auditor.checks._wording import counted, joined, shown
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe

SEVERITY = Severity.NOTE


def check(recipe: Recipe) -> Iterator[Problem]:
    """One note for all of them, when one at least holds a value; do_predict has a rule of its own."""
    inert = [stated for stated in recipe.inert if stated.key != "do_predict"]
    if any(stated.value not in (None, "", "None") for stated in inert):
        yield Problem(
            f"{counted(len(inert), 'declared key has', 'declared keys have')} no effect under trainer "
            f"{shown(recipe.trainer)}: "
            f"{joined([stated.key for stated in inert])}",
            Location(recipe.path),
            observed="; ".join(f"{stated.key} = {shown(stated.value)}" for stated in inert),
        )
