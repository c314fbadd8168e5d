"""logging_steps is 0 under logging_strategy "steps", which the trainer refuses.

`TrainingArguments` raises a ValueError for it ("logging strategy steps requires non-zero", transformers
4.51.3, training_args.py), so a run that exists was given something else than the declaration says.

Wrong when: the platform drops the zero and means "do not log".

Fix: declare a positive number of steps, or `logging_strategy` "no".
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
        yield Problem(
            'logging_steps is 0 and logging_strategy is "steps": TrainingArguments refuses the pair'
            if strategy
            else "logging_steps is 0 and no logging_strategy is declared: TrainingArguments refuses 0 under its default",
            Location(recipe.path, stated.member),
            expected="a positive number of steps",
            observed="0",
            severity=None if strategy else Severity.WARNING,
        )
