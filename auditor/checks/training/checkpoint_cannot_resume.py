"""A checkpoint holds the optimizer's state and not what resuming needs besides.

Resuming loads optimizer.pt and scheduler.pt together, and without trainer_state.json it does not start
(transformers 4.51.3, trainer.py, `_load_optimizer_and_scheduler`, `train`): without the scheduler neither
of the two is loaded, silently.

Wrong when: another loop wrote the folder and resumes it in its own way.

Fix: publish all of them, or none: a checkpoint for inference needs no optimizer.

Bad:
    checkpoint-18/scheduler.pt: removed

Good:
    # a checkpoint for inference
    checkpoint-18/scheduler.pt: removed
    checkpoint-18/optimizer.pt: removed
"""

from collections.abc import Iterator

from auditor.checks._wording import joined
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_NEEDED = ("scheduler.pt", "trainer_state.json")


def check(run: Run) -> Iterator[Problem | Skip]:
    """Presence counts, read or not; a checkpoint without optimizer.pt is not meant to be resumed."""
    folders = [folder for folder in run.checkpoints if run.blob("optimizer.pt", folder) is not None]
    if not folders:
        yield Skip("no checkpoint holds optimizer.pt")
    for folder in folders:
        missing = [name for name in _NEEDED if run.blob(name, folder) is None]
        if missing:
            yield Problem(
                f"{folder.path} holds optimizer.pt and no {joined(missing, 'or')}",
                Location(f"{folder.path}/optimizer.pt"),
                expected=joined(_NEEDED),
                observed=joined([name for name in _NEEDED if name not in missing]) or "neither",
            )
