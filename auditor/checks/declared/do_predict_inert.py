"""do_predict is true, which no trainer reads.

TrainingArguments keeps `do_predict` for the user's own script; no method of Trainer reads it (transformers 4.51.3,
training_args.py, which says so), so nothing was predicted because of it.

Wrong when: the platform's own script reads the key.

Fix: remove the key, or publish the predictions.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/do_predict = true

Good:
    cheetah-fine-tuning-config.json: /train_model_parameters/do_predict = false
"""

from collections.abc import Iterator

from auditor.checks._wording import shown
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe

SEVERITY = Severity.NOTE


def check(recipe: Recipe) -> Iterator[Problem]:
    """Fires for true only."""
    stated = recipe.settings.get("do_predict")
    if stated is not None and stated.value is True:
        yield Problem(
            "do_predict is true, and the Trainer does not use it",
            Location(recipe.path, stated.member),
            observed=shown(stated.value),
        )
