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

from auditor.artifacts._fields import describe, is_number
from auditor.checks._wording import shown
from auditor.claims import Ledger
from auditor.model import Location, Problem, Severity, Skip, Status
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._types import expected, is_spelt

SEVERITY = Severity.WARNING


def check(recipe: Recipe, ledger: Ledger | None) -> Iterator[Problem | Skip]:
    """One finding a value; strings such as "None" and "false" have a rule of their own."""
    yield from (Skip(f"{recipe.path}: {reason}") for reason in recipe.unjudged)
    for stated, types in recipe.mistyped:
        if is_number(stated.value) and _is_contradicted(stated, recipe, ledger):
            continue
        yield Problem(
            f"`{stated.key}` is {describe(stated.value)}, expected {expected(types)}",
            Location(recipe.path, stated.member),
            expected=expected(types),
            observed=shown(stated.value),
            severity=Severity.NOTE if recipe.converts and is_spelt(stated.value, types) else None,
        )


def _is_contradicted(stated: Stated, recipe: Recipe, ledger: Ledger | None) -> bool:
    """Whether a number is another than was trained with, which is the graver half of one mistake."""
    keys = [key for key, item in recipe.settings.items() if item.member == stated.member]
    return any((claim := ledger.get(key)) and claim.status is Status.CONTRADICTED for key in keys if ledger)
