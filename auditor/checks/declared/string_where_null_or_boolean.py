"""A string stands where null or a boolean is meant.

`"false"` is true in Python and `"None"` is not None (Python 3.11, json/decoder.py gives both as str): code
that reads the file as plain JSON switches on what was to be off, or looks for a chat template called None.

Wrong when: the platform converts strings, as pydantic does for fields it knows to be booleans (AutoTrain 0.8.36,
trainers/clm/params.py).

Fix: write `null`, `true` or `false` without quotation marks.

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/unsloth = "false"

Good:
    # the name of a column is free text
    cheetah-fine-tuning-config.json: /train_model_parameters/dataset_text_field = "None"
"""

from collections.abc import Iterator

from auditor.checks._wording import counted, joined, shown
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe

SEVERITY = Severity.WARNING


def check(recipe: Recipe) -> Iterator[Problem]:
    """One finding names all of them; free-text fields are no part of `suspicious`."""
    if recipe.suspicious:
        each = [f"{stated.key} {shown(stated.value)}" for stated in recipe.suspicious]
        yield Problem(
            f"{counted(len(each), 'value is a string', 'values are strings')} where null or a boolean is meant: "
            f"{joined(each)}",
            Location(recipe.path),
            expected="null, true or false without quotation marks",
            observed="; ".join(f"{stated.member} = {shown(stated.value)}" for stated in recipe.suspicious),
        )
