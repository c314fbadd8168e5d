"""What the mere presence of a run's files says, read or not."""

import re

from auditor.artifacts.training_args import TrainingArgs
from auditor.runs import Folder, Run

_RANK = re.compile(r"rng_state_\d{1,6}\.pth")
_DEEPSPEED = re.compile(r"zero_to_fp32\.py|.*_optim_states\.pt|.*_model_states\.pt")


def paths_in(run: Run, folder: Folder) -> tuple[str, ...]:
    """Every path of the snapshot below a folder of the run."""
    return tuple(run.contents.snapshot.under(folder.path))


def processes(run: Run) -> int | None:
    """How many processes trained, by the rng_state files of the last checkpoint, else by the arguments.

    Trainer writes ``rng_state.pth`` when world_size is 1, else one ``rng_state_<rank>.pth`` each
    (transformers 4.51.3 and 5.23.0, trainer.py ``_save_rng_state``).
    """
    arguments = run.one(TrainingArgs)
    stated = arguments.world_size if arguments else None
    if run.last is None:
        return stated
    if run.blob("rng_state.pth", run.last) is not None:
        return 1
    prefix = f"{run.last.path}/" if run.last.path else ""
    ranks = [path for path in paths_in(run, run.last) if _RANK.fullmatch(path.removeprefix(prefix))]
    return len(ranks) or stated


def uses_deepspeed(run: Run) -> bool:
    """Whether a checkpoint holds files only DeepSpeed writes."""
    names = (path.rpartition("/")[2] for folder in run.folders for path in paths_in(run, folder))
    return any(_DEEPSPEED.fullmatch(name) for name in names)


def why_unread(run: Run, name: str) -> str:
    """Why no file of that name was read: a predicate sentence with its path, or that there is none."""
    for _, blob in run.blobs(name):
        unread = run.contents.unread_at(blob.path)
        if unread is not None:
            return f"{blob.path} was not read ({unread.state})"
    return f"no {name} is in the run"
