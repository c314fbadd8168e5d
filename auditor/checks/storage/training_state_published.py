"""The repository publishes optimizer and random states, which nobody needs to use the adapter.

optimizer.pt holds two float32 moments for every trained parameter, about twice the adapter's size (torch 2.13.0,
optim/adam.py, `_init_group`; transformers 5.23.0, trainer.py, `_save_optimizer_and_scheduler`). It
is needed to resume the training and for an audit, not for inference.

Wrong when: the training is to be resumed from this branch, or the files are kept as evidence.

Fix: keep the checkpoint outside the published branch, or say in the card what it is for.

Bad:
    # as the trainer wrote it

Good:
    checkpoint-*/optimizer.pt: removed
    checkpoint-*/rng_state.pth: removed
"""

import re
from collections.abc import Iterator

from auditor.checks._wording import counted
from auditor.model import Location, Problem, Severity, name_of
from auditor.runs import Run

SEVERITY = Severity.NOTE

_STATE = re.compile(r"optimizer\.(?:pt|bin)|rng_state(?:_\d{1,6})?\.pth")


def check(run: Run) -> Iterator[Problem]:
    """By name and size, whether the files were fetched or not; one finding a run."""
    files = run.contents.snapshot.files
    kept = [
        path
        for folder in run.folders
        for path in run.contents.snapshot.inside(folder.path)
        if _STATE.fullmatch(name_of(path))
    ]
    if kept:
        total = sum(files[path].size or 0 for path in kept)
        yield Problem(
            f"{counted(len(kept), 'file')} of optimizer and random states published, {total:,} bytes in all",
            Location(kept[0]),
            expected="the adapter and what is needed to load it",
            observed=", ".join(kept[:6]),
        )
