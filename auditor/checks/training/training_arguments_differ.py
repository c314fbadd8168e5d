"""The copies of training_args.bin in one run are not the same.

The Trainer pickles one object beside every checkpoint and the final model (transformers 4.51.3 and 5.23.0, trainer.py,
`_save`), so all copies of a run agree in every attribute. A copy that stands alone was edited or is of another run,
and whoever reads the recipe from it reads another recipe.

Where nothing but the length of the run differs, it was continued: a note.

Wrong when: training was resumed with other arguments, which leaves older checkpoints with the older ones; what only
names places and devices is not compared.

Fix: publish the training_args.bin of the run in every folder, or say at which step which argument was changed.

Bad:
    checkpoint-9/training_args.bin: .learning_rate = 0.003

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator, Mapping, Sequence

from auditor.artifacts.training_args import TrainingArgs
from auditor.checks._wording import counted, joined, shown
from auditor.checks.training.event_arguments_differ import PLACES
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_ABSENT = "<absent>"
_NAMED = 4
_LENGTH = {"max_steps", "num_train_epochs"}
"""What is raised to train further (transformers 5.23.0, trainer.py, `resume_from_checkpoint`)."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """The first copy that differs from most; where there is no majority the last checkpoint's counts."""
    copies = run.all(TrainingArgs)
    if len(copies) < 2:
        yield Skip("the run holds fewer than two copies of training_args.bin")
        return
    right = _right(copies)
    odd = [(copy, keys) for copy in copies if (keys := _differing(copy, right))]
    if odd:
        copy, keys = odd[0]
        yield _problem(copy, keys, right, [other.path for other, _ in odd[1:]])


def _right(copies: Sequence[TrainingArgs]) -> Mapping[str, str]:
    """The value of each attribute that most copies hold, as text: NaN is not equal to itself."""
    latest_first = [*reversed(copies[1:]), copies[0]]
    found: dict[str, str] = {}
    for key in sorted({key for copy in copies for key in copy.values} - PLACES):
        texts = [repr(copy.values.get(key, _ABSENT)) for copy in latest_first]
        most = max(texts, key=texts.count)
        if most != repr(_ABSENT):
            found[key] = most
    return found


def _differing(copy: TrainingArgs, right: Mapping[str, str]) -> list[str]:
    keys = [key for key, value in right.items() if repr(copy.values.get(key, _ABSENT)) != value]
    return keys + sorted(copy.values.keys() - right.keys() - PLACES)


def _problem(copy: TrainingArgs, keys: list[str], right: Mapping[str, str], more: list[str]) -> Problem:
    first, named = keys[0], keys[:_NAMED] + ([f"{len(keys) - _NAMED} more"] if len(keys) > _NAMED else [])
    here = shown(copy.values[first]) if first in copy.values else "is not there"
    longer = set(keys) <= _LENGTH
    return Problem(
        f"{copy.path} differs from the run's other copies in {counted(len(keys), 'argument')}: {joined(named)}",
        copy.at(first),
        expected=f"{first} {right.get(first, 'is no argument')}",
        observed=f"{first} {here}",
        evidence=(f"so does {joined(more[:_NAMED])}",) if more else (),
        severity=Severity.NOTE if longer else None,
    )
