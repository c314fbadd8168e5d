"""The dataset is named, and nothing fixes which content it had.

A dataset under a name changes: rows are added, corrected, removed. `max_steps` is counted from its rows
(transformers 5.23.0, trainer.py, `set_initial_training_values`). Without its commit, its number of
rows or a digest nobody can tell whether a second run saw the same data, and no step count can be
checked against it.

Wrong when: the content is recorded outside the repository.

Fix: declare the dataset by commit, and write the number of rows into the card or keep
`all_results.json`.

Bad:
    cheetah-fine-tuning-config.json: /dataset/dataset_branch = "main"

Good:
    cheetah-fine-tuning-config.json: /dataset/dataset_branch = "main"
    cheetah-fine-tuning-config.json: /dataset/num_rows = 36
"""

from collections.abc import Iterator

from auditor.artifacts._base import read_json_object
from auditor.artifacts.model_card import ModelCard
from auditor.checks._references import is_commit
from auditor.errors import CannotRead
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_PINS = (
    "dataset_commit",
    "dataset_revision",
    "dataset_rows",
    "num_rows",
    "rows",
    "sha256",
    "digest",
    "fingerprint",
)
"""Keys of a declared dataset group that fix its content."""
_RESULTS = ("all_results.json", "train_results.json")
"""Trainer.save_metrics writes ``train_samples`` into these (transformers, trainer_pt_utils.py)."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """A declared dataset is a warning; one that only the card names is a note."""
    recipe = run.recipe
    declared = recipe.settings.get("dataset") if recipe else None
    card = run.root.one(ModelCard)
    if recipe is not None and declared is not None and declared.value:
        if is_commit(recipe.value("dataset_revision")) or _is_pinned(recipe.raw) or _counts_rows(run):
            return
        branch = recipe.value("dataset_revision")
        yield Problem(
            "no commit, number of rows or digest says which content the declared dataset had",
            Location(recipe.path, declared.member),
            expected="a commit, a number of rows or a digest",
            observed=f"branch {branch}" if branch else "a name only",
        )
    elif card is not None and card.datasets and not _counts_rows(run):
        yield Problem(
            f"the card names {', '.join(card.datasets[:3])} without commit, rows or digest",
            card.at(),
            expected="a commit, a number of rows or a digest",
            observed="a name only",
            severity=Severity.NOTE,
        )
    elif card is None or not card.datasets:
        yield Skip("no file names the dataset")


def _is_pinned(raw: object, depth: int = 3) -> bool:
    if not isinstance(raw, dict) or not depth:
        return False
    return any((key in _PINS and bool(item)) or _is_pinned(item, depth - 1) for key, item in raw.items())


def _counts_rows(run: Run) -> bool:
    for name in _RESULTS:
        blob = run.blob(name)
        try:
            if blob is not None and "train_samples" in read_json_object(blob):
                return True
        except CannotRead:
            continue
    return False
