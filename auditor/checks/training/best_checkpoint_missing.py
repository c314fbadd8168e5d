"""The state names a best checkpoint, and no such folder is in the repository.

`best_model_checkpoint` is where `load_best_model_at_end` takes the final weights from (transformers 4.51.3,
trainer.py, `_load_best_model`). Without the folder nobody can see whether the published adapter is the best one.

Silent where the arguments say `save_total_limit`, which deletes checkpoints.

Wrong when: the folder was pruned by hand or left out on purpose, which is usual; only where the best
was to be loaded at the end and the final adapter is published beside other checkpoints it is a warning.

Fix: publish the best checkpoint too, or say which step the adapter is of.

Bad:
    checkpoint-18/trainer_state.json: /best_model_checkpoint = "/out/checkpoint-12"

Good:
    # the path is the training machine's, the folder is here
    checkpoint-18/trainer_state.json: /best_model_checkpoint = "/out/checkpoint-9"
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._received import arguments, whole
from auditor.model import Problem, Severity, Skip, name_of
from auditor.runs import Run

SEVERITY = Severity.NOTE


def check(run: Run) -> Iterator[Problem | Skip]:
    """Compare by the folder's name: the path is that of the machine that trained, of either system."""
    state = run.latest(TrainerState)
    if state is None or not run.checkpoints:
        yield Skip("the run publishes no checkpoint with a state")
        return
    name = state.best_checkpoint
    if name is None:
        return
    received = arguments(run, run.last)
    if whole(received.get("save_total_limit")) is not None:
        yield Skip("save_total_limit deletes checkpoints")
        return
    if any(f"/{name}/" in f"/{path}" for path in run.contents.snapshot.under(run.path)):
        return
    final = any(
        run.blob(weights) is not None for weights in ("adapter_model.safetensors", "adapter_model.bin")
    )
    loads_best = final and received.get("load_best_model_at_end") is True
    yield Problem(
        f"the best checkpoint, {name}, is not in the repository",
        state.at("/best_model_checkpoint"),
        expected=name,
        observed=", ".join(name_of(folder.path) for folder in run.checkpoints[-3:]),
        severity=Severity.WARNING if loads_best else None,
    )
