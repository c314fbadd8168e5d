"""The dataset or the base model is declared by branch, whose content can change.

A branch names whatever is its newest commit when somebody looks (gitrevisions(7); huggingface_hub 2.4.0,
file_download.py, `revision`). Two runs of one config then train on
different data or a different base, and neither file says so.

Wrong when: the platform records the commit it fetched in another place.

Fix: declare the full commit id in the place of the branch.

Bad:
    cheetah-fine-tuning-config.json: /model/model_branch = "main"

Good:
    cheetah-fine-tuning-config.json: /model/model_branch = "030923d326124201d3b2c238114ef6e448dcbaa4"
"""

from collections.abc import Iterator

from auditor.checks._references import is_commit
from auditor.model import Location, Problem, Severity, Skip
from auditor.recipes._base import Recipe

SEVERITY = Severity.WARNING

_SOURCES = {"dataset_revision": "the dataset", "base_revision": "the base model"}


def check(recipe: Recipe) -> Iterator[Problem | Skip]:
    """One finding for each source that is declared by something else than a commit."""
    stated = {key: recipe.settings[key] for key in _SOURCES if key in recipe.settings}
    if not stated:
        yield Skip("the declared config names no revision of dataset or base model")
    for key, setting in stated.items():
        if isinstance(setting.value, str) and setting.value and not is_commit(setting.value):
            yield Problem(
                f"{_SOURCES[key]} is declared by the branch {setting.value!r}, not by a commit",
                Location(recipe.path, setting.member),
                expected="a commit id",
                observed=setting.value,
            )
