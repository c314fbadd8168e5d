r"""train_results.json says other metrics than the last row of log_history.

`train()` logs its summary and returns the same numbers, which scripts hand to `save_metrics` (transformers
4.51.3, trainer.py, `_inner_training_loop`; trainer_pt_utils.py, `save_metrics`). In all public pairs looked
at they are equal to the last digit, so a difference means that one file is of another run or was edited.

Wrong when: the script changed the metrics before it saved them, or the run was repeated and stopped between the two
files.

Fix: publish both files of one run.

Bad:
    train_results.json: /train_loss = 0.5
    train_results.json: /epoch = 1.0

Good:
    # a file of evaluation alone says nothing of the training
    all_results.json: /eval_loss = 0.5
"""

from collections.abc import Iterator, Mapping

from auditor.artifacts._fields import is_number
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_results import TrainingResults
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING

KEYS = ("train_loss", "total_flos", "train_runtime")
"""What both have at full precision; the epoch is rounded by old releases, and rewritten by a later evaluation."""
RTOL = 1e-9


def check(results: TrainingResults, state: TrainerState) -> Iterator[Problem | Skip]:
    """Any summary row may be the one: a resumed run has several."""
    if "train_loss" not in results.values:
        yield Skip(f"{results.path} holds no train_loss")
        return
    summaries = [row for row in state.log_history if is_number(row.get("train_loss"))]
    if not summaries:
        yield Skip(f"{state.path} holds no summary of the training")
        return
    wrong = min((_differing(results.values, row) for row in summaries), key=len)
    if wrong:
        key = wrong[0]
        yield Problem(
            f"{key} is {results.values[key]!r} here and {summaries[-1].get(key)!r} in {state.path}",
            results.at(f"/{key}"),
            expected=str(summaries[-1].get(key)),
            observed=str(results.values[key]),
            evidence=(f"{', '.join(wrong)} differ",) if len(wrong) > 1 else (),
        )


def _differing(values: Mapping[str, int | float], row: Mapping[str, object]) -> list[str]:
    return [key for key in KEYS if key in values and not _same(values[key], row.get(key))]


def _same(one: int | float, other: object) -> bool:
    if not is_number(other) or one != one or other != other:
        return True
    return abs(one - other) <= RTOL * max(abs(one), abs(other))
