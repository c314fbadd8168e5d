"""logging_steps is 0 under logging_strategy "steps", which the trainer refuses.

`TrainingArguments` raises a ValueError for the pair (transformers 4.51.3, training_args.py, `__post_init__`), so
a run that exists was given something else than the declaration says.

Wrong when: the platform drops the zero and means "do not log".

Fix: declare a positive number of steps, or `logging_strategy` "no".

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/logging_steps = 0

Good:
    # nothing is logged by steps
    cheetah-fine-tuning-config.json: /train_model_parameters/logging_steps = 0
    cheetah-fine-tuning-config.json: /train_model_parameters/logging_strategy = "epoch"
"""

from collections.abc import Iterator

from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe

SEVERITY = Severity.ERROR


def check(recipe: Recipe) -> Iterator[Problem]:
    """Without a declared strategy the trainer's default, "steps", is only likely: a warning."""
    stated = recipe.settings.get("logging_steps")
    if stated is None or isinstance(stated.meant, bool) or stated.meant != 0:
        return
    strategy = recipe.value("logging_strategy")
    if strategy in ("steps", None):
        named = f'logging_strategy is "{strategy}"' if strategy else "no logging_strategy is declared"
        yield Problem(
            f"logging_steps is 0 and {named}: TrainingArguments refuses 0 where it logs by steps",
            Location(recipe.path, stated.member),
            expected="a positive number of steps",
            observed="0",
            severity=None if strategy else Severity.WARNING,
        )
