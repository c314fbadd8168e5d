"""The final state does not continue the last checkpoint beside it.

A later state of a run begins with all rows of the earlier one (transformers 4.51.3, trainer.py: `log_history` only
grows, also when training is resumed). Where it does not, the folder mixes runs, and "the last checkpoint" or the
final state is not the continuation of the others.

Wrong when: several runs were put into one folder on purpose.

Fix: give each run a folder of its own.

Bad:
    # checkpoint-18 says 5.940994
    trainer_state.json: /log_history/12/loss = 5.0

Good:
    # NaN is no number and still the same row
    trainer_state.json: /log_history/12/loss = NaN
    checkpoint-18/trainer_state.json: /log_history/12/loss = NaN
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Problem, Severity, Skip, name_of
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(run: Run) -> Iterator[Problem | Skip]:
    """The final state against the last checkpoint of the same run."""
    last = next((s for folder in reversed(run.checkpoints) for s in folder.all(TrainerState)), None)
    final = run.root.one(TrainerState)
    if last is None:
        yield Skip("the run has no checkpoint with a state")
        return
    if (
        final is not None
        and _reaches(final, last)
        and final.row_texts[: len(last.row_texts)] != last.row_texts
    ):
        yield Problem(
            f"the rows of {final.path} do not begin with those of {last.path}",
            final.at("/log_history"),
            expected=f"the {len(last.row_texts):,} rows of {name_of(last.folder)} first",
            observed=f"row {_first_difference(final, last)} differs",
        )


def _reaches(final: TrainerState, last: TrainerState) -> bool:
    """Whether the final state is as late as the checkpoint; one without rows says nothing about the order."""
    return bool(final.row_texts) and (final.global_step or 0) >= (last.global_step or 0)


def _first_difference(final: TrainerState, last: TrainerState) -> int:
    pairs = zip(final.row_texts, last.row_texts, strict=False)
    return next((number for number, (one, other) in enumerate(pairs) if one != other), len(final.row_texts))
