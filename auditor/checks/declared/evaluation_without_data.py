"""Evaluation is declared, and no data to evaluate on.

The Trainer needs an `eval_dataset` and raises without one when its strategy is not "no" (transformers 4.46 and
newer, trainer.py), so either the platform splits the training data by itself, and nothing records how, or
evaluation did not run.

Wrong when: the platform finds a split by name in the dataset.

Fix: declare the split or the dataset used for evaluation, or set `eval_strategy` to "no".

Bad:
    cheetah-fine-tuning-config.json: /train_model_parameters/eval_strategy = "epoch"

Good:
    cheetah-fine-tuning-config.json: /train_model_parameters/eval_strategy = "epoch"
    cheetah-fine-tuning-config.json: /dataset/valid_split = "validation"
"""

import re
from collections.abc import Iterator, Mapping

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import shown
from auditor.model import Location, Problem, Severity
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.WARNING

_KEY = re.compile(r"(?:^|_)(?:valid|validation|val|eval|evaluation|test|dev)(?:_|$)", re.IGNORECASE)
_NO_DATA = re.compile(
    r"^(?:do_|per_device_|eval_(?:steps|strategy|delay|accumulation|on_)|evaluation_strategy)"
)
_OFF = (None, "no", "None", "", False)


def check(run: Run, recipe: Recipe) -> Iterator[Problem]:
    """Silent where a key names evaluation data, a log shows that evaluation ran, or the platform finds the data."""
    if "evaluation_data" in recipe.decides:
        return
    stated = recipe.settings.get("eval_strategy")
    if stated is None or stated.meant in _OFF or _names_data(recipe.raw) or _evaluated(run):
        return
    yield Problem(
        f"{stated.key} is {shown(stated.value)}, and neither a split nor a dataset for evaluation is declared",
        Location(recipe.path, stated.member),
        expected="a declared evaluation split or dataset",
        observed="none",
        evidence=("no log that could be read shows that evaluation ran",),
    )


def _names_data(raw: Mapping[str, object]) -> bool:
    for key, value in raw.items():
        if isinstance(value, dict) and _names_data(value):
            return True
        if _KEY.search(key) and not _NO_DATA.match(key) and value not in _OFF:
            return True
    return False


def _evaluated(run: Run) -> bool:
    rows = (row for state in run.all(TrainerState) for row in state.log_history)
    return any(key.startswith("eval_") for row in rows for key in row) or any(
        tag.startswith("eval/") for log in run.events for tag in log.scalars
    )
