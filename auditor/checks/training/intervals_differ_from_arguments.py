"""trainer_state.json counts other intervals than the training arguments ask for.

When training begins the Trainer writes `logging_steps`, `eval_steps` and `save_steps` of its arguments into the state,
a share of the run as steps (transformers 4.51.3 and 5.23.0, trainer_callback.py, `compute_steps`). Other numbers in the
state are of other arguments: those of the file were changed afterwards, or are another run's.

Wrong when: the run was resumed with other arguments, or with a share of a longer run, and the checkpoints before are
gone; the state that resuming loads keeps its old intervals, and the new ones act on nothing.

Fix: publish the arguments with which the run was started.

Bad:
    *training_args.bin: .logging_steps = 5

Good:
    # training_args.bin says 1; a share of the 18 steps
    *training_args.bin: .logging_steps = 0.05
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from auditor.artifacts._fields import is_number
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks._received import APART, copies_agree
from auditor.checks._wording import joined, plain_number
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_KEYS = ("logging_steps", "eval_steps", "save_steps")


def check(run: Run) -> Iterator[Problem | Skip]:
    """The last state against arguments on which all copies agree."""
    state, received = run.latest(TrainerState), run.one(TrainingArgs)
    if state is None or received is None:
        yield Skip("the run has no trainer_state.json and training_args.bin that were read")
        return
    if not copies_agree(run, _KEYS):
        yield Skip(APART)
        return
    lengths = [length for one in (state, *run.all(TrainerState)) if (length := one.max_steps)]
    wrong = dict(_differing(state, received.values, lengths))
    if wrong:
        key, (expected, found) = next(iter(wrong.items()))
        yield Problem(
            f"{state.path} counts another interval than {received.path} asks for in {joined(list(wrong))}",
            state.at(f"/{key}"),
            expected=f"{key} {expected}",
            observed=f"{key} {found}",
        )


def _differing(
    state: TrainerState, arguments: Mapping[str, object], lengths: Sequence[int]
) -> Iterator[tuple[str, tuple[str, str]]]:
    """A share is of the length that the run had when it began, which an earlier state tells: the last may be longer."""
    for key in _KEYS:
        asked, found = arguments.get(key), getattr(state, key)
        if key not in state.keys or not is_number(asked) or not is_number(found) or not math.isfinite(asked):
            continue
        steps = [asked] if asked >= 1 else [math.ceil(length * asked) for length in lengths]
        if steps and found not in steps:
            yield key, (plain_number(steps[0]), plain_number(found))
