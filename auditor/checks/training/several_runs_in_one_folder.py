"""One folder holds checkpoints of several trainings.

The Trainer resumes from the highest number it finds (transformers 4.51.3, trainer_utils.py, `get_last_checkpoint`),
and so do people: with another run's checkpoint in the folder that is another model, another schedule or, after SFT
and GRPO shared an `output_dir`, another kind of training. The order of the numbers is then not the order in time, so
checkpoints of different runs are not compared with each other. A run is followed by its log_history: a later state
begins with all rows of the earlier one.

Wrong when: the folder is a collection on purpose, and nobody resumes from it.

Fix: give each run a folder of its own.

Bad:
    checkpoint-9/trainer_state.json: /log_history/*/loss = 9.5

Good:
    # as the trainer wrote it: the rows of checkpoint-18 begin with those of checkpoint-9
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import counted, joined
from auditor.model import Location, Problem, Severity, Skip, name_of
from auditor.runs import Folder, Run, argument_differences, differences

SEVERITY = Severity.WARNING

MOST = 6
"""Checkpoints named of one run."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """One finding a folder, with what parts each other run from the folder's own."""
    if not run.others and len(run.checkpoints) < 2:
        yield Skip("the folder has fewer than two checkpoints")
        return
    if not run.others:
        return
    names = [_named(lineage) for lineage in (run.checkpoints, *run.others)]
    first = min(run.others, key=lambda lineage: lineage[-1].step or 0)
    yield Problem(
        f"{counted(len(names), 'run')} in one folder: {'; '.join(names[:MOST])}",
        _place(first[-1]),
        expected="the checkpoints of one run",
        observed=f"{counted(len(names), 'run')}",
        evidence=tuple(_parted(run, other) for other in run.others[:MOST]),
    )


def _named(lineage: tuple[Folder, ...]) -> str:
    """``checkpoint-5 to checkpoint-15``, or all names of a few; the folder's own files for no checkpoint at all."""
    if not lineage:
        return "the files of the folder itself"
    names = [name_of(folder.path) for folder in lineage]
    return ", ".join(names) if len(names) < 3 else f"{names[0]} to {names[-1]} ({len(names)})"


def _parted(run: Run, other: tuple[Folder, ...]) -> str:
    """What keeps two runs from being one, by the pair of checkpoints that are nearest in number."""
    own = run.checkpoints
    if not own:
        keys = argument_differences(run.root, other[-1])
        return f"the folder itself and {name_of(other[-1].path)}: other {joined(list(keys))}"
    earlier, later = min(
        ((one, two) for one in own for two in other),
        key=lambda pair: abs((pair[0].step or 0) - (pair[1].step or 0)),
    )
    if (earlier.step or 0) > (later.step or 0):
        earlier, later = later, earlier
    words = ", ".join(differences(earlier, later)) or "their order fits no single run"
    return f"{name_of(earlier.path)} and {name_of(later.path)}: {words}"


def _place(folder: Folder) -> Location:
    state = folder.one(TrainerState)
    if state is not None:
        return state.at("/log_history")
    return Location(min(item.path for items in folder.artifacts.values() for item in items))
