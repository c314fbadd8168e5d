"""The rng_state files do not fit the number of processes.

The Trainer writes `rng_state.pth` when one process trains, else `rng_state_<rank>.pth` for each (transformers
4.51.3, trainer.py, `_save_rng_state`). Both kinds in one folder are of two runs, and a missing rank cannot be
resumed. The number of processes multiplies the effective batch.

Wrong when: the nodes of a cluster kept their files to themselves, so ranks are missing at the end only, which is
not judged.

Fix: publish the rng_state files of one run.

Bad:
    checkpoint-18/rng_state_1.pth: = copy of checkpoint-18/rng_state.pth

Good:
    checkpoint-18/rng_state_0.pth: = copy of checkpoint-18/rng_state.pth
    checkpoint-18/rng_state_1.pth: = copy of checkpoint-18/rng_state.pth
    checkpoint-18/rng_state.pth: removed
    checkpoint-18/training_args.bin: .distributed_state.num_processes = 2
"""

from collections.abc import Iterator

from auditor.artifacts.training_args import TrainingArgs
from auditor.checks._wording import counted
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Folder, Run, ranks

SEVERITY = Severity.WARNING


def check(run: Run) -> Iterator[Problem | Skip]:
    """Each checkpoint for itself."""
    seen = False
    for folder in run.checkpoints:
        single, many = run.blob("rng_state.pth", folder) is not None, ranks(run, folder)
        if single or many:
            seen = True
            yield from _judge(folder, single, many)
    if not seen:
        yield Skip("no checkpoint holds an rng_state file")


def _judge(folder: Folder, single: bool, many: tuple[int, ...]) -> Iterator[Problem]:
    arguments = folder.one(TrainingArgs)
    world = arguments.world_size if arguments else None
    place = Location(f"{folder.path}/rng_state.pth" if single else f"{folder.path}/rng_state_{many[0]}.pth")
    if single and many:
        yield Problem(
            f"{folder.path} holds rng_state.pth of one process and {counted(len(many), 'file')} of several",
            place,
            expected="one kind",
            observed="both",
        )
    elif many and many != tuple(range(many[0], many[0] + len(many))):
        missing = sorted(set(range(many[0], many[-1])) - set(many))
        yield Problem(
            f"{folder.path} lacks the rng_state of rank {', '.join(map(str, missing[:5]))}",
            place,
            expected=f"ranks {many[0]} to {many[-1]}",
            observed=f"{len(many)} files",
        )
    elif world is not None and (world == 1) != single:
        yield Problem(
            f"{folder.path} holds rng_state files of {'one process' if single else 'several processes'}, and "
            f"training_args.bin counts {world}",
            place,
            expected="rng_state.pth" if world == 1 else "rng_state_<rank>.pth",
            observed="rng_state.pth" if single else f"{len(many)} files by rank",
        )
