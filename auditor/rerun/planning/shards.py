"""Runs of several processes, and states that lie in shards: neither is what one process makes again.

Names: transformers 5.23.0, trainer.py, `_save_rng_state` (rng_state.pth of one process, rng_state_RANK.pth of several);
DeepSpeed, checkpoint/constants.py, ZERO_FILE_PREFIX and OPTIM_FILE_SUFFIX, below global_stepN/; torch 2.13.0,
distributed/checkpoint/filesystem.py (__RANK_N.distcp beside .metadata), which accelerate writes for FSDP as
optimizer_0/ and pytorch_model_fsdp_0/.
"""

import re

from auditor.artifacts.training_args import TrainingArgs
from auditor.runs import Contents, Folder, Run

_GENERATOR = re.compile(r"rng_state_(\d{1,6})\.pth")
_DEEPSPEED = re.compile(
    r"global_step\d{1,12}/(?:[a-z0-9]{1,8}_)?zero_pp_rank_(\d{1,6})_mp_rank_\d{1,6}_\w{1,40}\.pt"
)
_TORCH = re.compile(r"(?:optimizer|pytorch_model_fsdp|distcp_checkpoint)\w{0,40}/__(\d{1,6})_\d{1,6}\.distcp")


def shards(contents: Contents, folder: Folder) -> str | None:
    """Where a checkpoint keeps its optimizer in shards, as a sentence; None where it does not."""
    names = _names(contents, folder)
    for library, pattern in (("DeepSpeed", _DEEPSPEED), ("FSDP", _TORCH)):
        found = next((name for name in names if pattern.fullmatch(name)), None)
        if found is not None:
            where = folder.path or "the run"
            return f"{where} keeps its optimizer in shards of {library} ({found}), which are not read"
    return None


def several(run: Run) -> str | None:
    """Which file shows more than one process or GPU, as a sentence; None where none does."""
    arguments = run.one(TrainingArgs)
    if arguments is not None and (count := arguments.world_size or 1) > 1:
        return f"{arguments.path} counts {count} processes; a rerun on one changes the arithmetic"
    if arguments is not None and (cards := arguments.number("_n_gpu") or 1) > 1:
        return f"{arguments.path} counts {cards:g} GPUs of one process; a rerun on one changes the arithmetic"
    for folder in run.folders:
        for name in _names(run.contents, folder):
            if _ranked(name):
                path = f"{folder.path}/{name}" if folder.path else name
                return f"{path} shows more than one process; a rerun on one changes the arithmetic"
    return None


def _ranked(name: str) -> bool:
    """One process numbers no generator, and has no shard of rank 1."""
    if _GENERATOR.fullmatch(name):
        return True
    match = _DEEPSPEED.fullmatch(name) or _TORCH.fullmatch(name)
    return match is not None and int(match[1]) > 0


def _names(contents: Contents, folder: Folder) -> list[str]:
    """Paths below a folder, relative to it."""
    start = len(folder.path) + 1 if folder.path else 0
    return sorted(path[start:] for path in contents.snapshot.under(folder.path))
