"""The card names other data than the declared config.

Who judges what an adapter may know, or whether a test set was among its training data, reads `datasets` in the card
(huggingface_hub 2.4.0, repocard_data.py).
When none of the names there is the declared one, card and configuration are of different trainings.

Wrong when: the declared name is a local copy under another name.

Fix: name in the card the dataset that was trained on.

Bad:
    README.md: "- tiny-labs/tiny-sums" -> "- tiny-labs/tiny-poems"

Good:
    README.md: "- tiny-labs/tiny-sums" -> "- other-labs/tiny-sums"
"""

from collections.abc import Iterator

from auditor.artifacts.model_card import ModelCard
from auditor.checks._base_names import is_machine_path, model_name
from auditor.checks._wording import joined
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(run: Run) -> Iterator[Problem | Skip]:
    """By the last part of each name; one name inside the other counts as the same."""
    card, recipe = run.root.one(ModelCard), run.recipe
    declared = recipe.value("dataset") if recipe else None
    if card is None or not card.datasets or recipe is None or not isinstance(declared, str):
        yield Skip("the dataset is not named in both the card and a declared config")
        return
    if not _is_named(declared):
        yield Skip("the declared dataset is a path or a file, whose name need not be the dataset's")
        return
    wanted = model_name(declared)
    if not any(wanted in (name := model_name(told)) or name in wanted for told in card.datasets):
        yield Problem(
            f"the card names {joined(card.datasets[:3])}, and the declared dataset is {declared}",
            card.at("datasets"),
            expected=declared,
            observed=", ".join(card.datasets[:3]),
            evidence=(f"{recipe.path} declares {declared}",),
        )


def _is_named(declared: str) -> bool:
    """A hub id or a repository's address; a bare word, a path or a file may be called anything."""
    address = "://" in declared or declared.startswith("git@")
    return address or (
        declared.strip("/").count("/") == 1
        and "." not in model_name(declared)
        and not is_machine_path(declared)
    )
