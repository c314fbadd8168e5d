"""How many processes trained, by the names of the rng_state files."""

import re

from auditor.runs._words import Folder, Run

_RANK = re.compile(r"rng_state_(\d{1,6})\.pth")


def ranks(run: Run, folder: Folder) -> tuple[int, ...]:
    """The ranks of rng_state_<rank>.pth directly in a folder, in order."""
    start = len(folder.path) + 1 if folder.path else 0
    names = (path[start:] for path in run.contents.snapshot.inside(folder.path))
    found = (match for name in names if (match := _RANK.fullmatch(name)))
    return tuple(sorted(int(match.group(1)) for match in found))


def processes(run: Run) -> int | None:
    """1 for rng_state.pth, else the number of ranked files of the last checkpoint; None without any.

    Source: transformers 4.51.3 and 5.23.0, trainer.py, `_save_rng_state`.
    """
    if run.last is None:
        return None
    if run.blob("rng_state.pth", run.last) is not None:
        return 1
    return len(ranks(run, run.last)) or None
