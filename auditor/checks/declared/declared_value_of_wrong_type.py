"""A declared value is not of the type that its key takes.

`"16"` is no rank: code that multiplies by it repeats the text or stops, and a platform that converts texts
by itself hides that the file was edited by hand. The types are those of the platform's own configuration
classes (for Cheetah, those of transformers 4.30.2 to 5.24.0, training_args.py, and of peft,
tuners/lora/config.py).

Wrong when: the platform takes more than its own annotations say. Null is "not declared", 16.0 counts as 16,
0 and 1 as booleans, a list may stand for one name and one name for a list, YAML's `no` for the word, and
YAML's 2e-4, which it reads as a text, for the number. Where the platform converts texts the finding is a
note.

Fix: write the value as the type that the key takes.

Bad:
    cheetah-fine-tuning-config.json: /peft/lora_alpha = "32"

Good:
    cheetah-fine-tuning-config.json: /peft/lora_alpha = 32.0
"""

from collections.abc import Iterator

from auditor.artifacts._fields import describe
from auditor.checks._wording import shown
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._types import expected, number_in

SEVERITY = Severity.WARNING


def check(recipe: Recipe) -> Iterator[Problem]:
    """One finding a value; strings such as "None" and "false" have a rule of their own."""
    for stated, types in recipe.mistyped:
        yield Problem(
            f"`{stated.key}` is {describe(stated.value)}, expected {expected(types)}",
            Location(recipe.path, stated.member),
            expected=expected(types),
            observed=shown(stated.value),
            severity=Severity.NOTE if recipe.converts and _is_converted(stated, types) else None,
        )


def _is_converted(stated: Stated, types: str) -> bool:
    """Whether pydantic and argument parsers make the value that was meant of it."""
    spelt = number_in(stated.value, types) is not None
    return spelt or (isinstance(stated.value, str) and stated.value.lower() in ("true", "false"))
