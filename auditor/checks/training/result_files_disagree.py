"""all_results.json says another number than the results of a split (train, eval, test, predict).

`save_metrics` writes one file for each split and updates all_results.json with the same numbers at the same time
(transformers 4.51.3 and 5.23.0, trainer_pt_utils.py, `save_metrics`, `combined`). A number that differs was edited in
one of them, or one file is of another run. Results of tests and predictions are held against it where both have the
runtime that `evaluate` and `predict` measure (trainer_utils.py, `speed_metrics`): scripts write files of these names.

Wrong when: the script passes `combined=False` for a later evaluation, or saves one of other rows under the same names
(`save_metrics("test", trainer.evaluate(test))`). Where its runtime is another too, this is a note.

Fix: publish the files as they were written.

Bad:
    all_results.json: = "{\\"eval_loss\\": 0.5}"
    eval_results.json: = "{\\"eval_loss\\": 0.7}"

Good:
    # the epoch is written anew with every split
    all_results.json: = "{\\"eval_loss\\": 0.5, \\"epoch\\": 2.0}"
    eval_results.json: = "{\\"eval_loss\\": 0.5, \\"epoch\\": 1.0}"
"""

from collections.abc import Iterator

from auditor.artifacts.training_results import TrainingResults
from auditor.checks._wording import joined
from auditor.model import Problem, Severity, Skip, name_of
from auditor.runs import Contents

SEVERITY = Severity.WARNING

_ALL, _REWRITTEN = "all_results.json", "epoch"
_OF_TRAINING = ("train_results.json", "eval_results.json")


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """Folder by folder; numbers to the last digit."""
    looked = False
    for folder in contents.folders.values():
        files = folder.all(TrainingResults)
        combined = next((item for item in files if name_of(item.path) == _ALL), None)
        if combined is None:
            continue
        for item in files:
            if item is combined:
                continue
            looked = True
            keys = [key for key in item.values if key in combined.values and key != _REWRITTEN]
            if name_of(item.path) not in _OF_TRAINING and not any(map(_is_runtime, keys)):
                yield Skip(f"{item.path} shares no runtime with {combined.path}, and may be a script's own")
                continue
            wrong = [key for key in keys if not _same(item.values[key], combined.values[key])]
            if wrong:
                yield Problem(
                    f"{combined.path} and {name_of(item.path)} disagree on {joined(wrong[:3])}",
                    combined.at(f"/{wrong[0]}"),
                    expected=str(item.values[wrong[0]]),
                    observed=str(combined.values[wrong[0]]),
                    severity=Severity.NOTE if any(map(_is_runtime, wrong)) else None,
                )
    if not looked:
        yield Skip("no all_results.json is beside the results of a split")


def _is_runtime(key: str) -> bool:
    return key.endswith("_runtime")


def _same(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)
