"""The repository that the result is written to names another model size than the base model.

A name such as gemma-3-1b for an adapter of a 4B model misleads whoever picks a base for it: PEFT loads an adapter
onto whatever base it is given and stops at the first shape that differs (peft 0.21.2, peft_model.py,
`load_adapter`). It often shows that a config was copied from another run.

Wrong when: the numbers in the name are no model sizes.

Fix: rename the output repository, or check that the right base was trained.

Bad:
    repository: seed
    # the base model is gemma-3-4b-it
    cheetah-fine-tuning-config.json: /save_model/model_repository = "gemma-3-1b-bank"

Good:
    repository: seed
    # 4bit is no size
    cheetah-fine-tuning-config.json: /save_model/model_repository = "gemma-3-4bit-bank"
"""

from collections.abc import Iterator

from auditor.checks._base_names import model_name
from auditor.checks._references import sizes
from auditor.model import Location, Problem, Severity, Skip
from auditor.recipes._base import Recipe

SEVERITY = Severity.WARNING


def check(recipe: Recipe) -> Iterator[Problem | Skip]:
    """Both names must state a size, and none in common."""
    output, base = recipe.settings.get("output_repository"), recipe.settings.get("base_model")
    if output is None or base is None or not isinstance(output.value, str) or not isinstance(base.value, str):
        yield Skip("the declared config does not name both the output repository and the base model")
        return
    mine, theirs = model_name(output.value), model_name(base.value)
    if sizes(mine) and sizes(theirs) and not sizes(mine) & sizes(theirs):
        yield Problem(
            f"the result is written to {mine}, and the base model is {theirs}",
            Location(recipe.path, output.member),
            expected=f"a name with the size of {theirs}",
            observed=mine,
        )
