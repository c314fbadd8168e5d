"""Loss and gradient norm are zero in every logged row: nothing was learned.

A cross entropy of exactly 0 with a gradient of exactly 0 means that no label counted: all of them were
masked (-100, the `ignore_index` of loss/loss_utils.py, transformers 5.23.0), or the template matched no
answer (seen in public runs whose twenty checkpoints are identical).

Wrong when: the trainer logs a loss that is zero by construction; those have a gradient norm, which is why both
are asked for.

Fix: check that the labels of a batch are not all -100, then train again.

Bad:
    trainer_state.json: /log_history/*/loss = 0.0
    trainer_state.json: /log_history/*/grad_norm = 0.0

Good:
    # a loss that is zero by construction has a gradient
    trainer_state.json: /log_history/*/loss = 0.0
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import counted
from auditor.checks.training._dead import zero_throughout
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(run: Run) -> Iterator[Problem | Skip]:
    """Both numbers in the same rows, in the state with the longest history."""
    if not run.all(TrainerState):
        yield Skip("no trainer_state.json was read")
        return
    dead = zero_throughout(run)
    if dead is not None:
        state, rows = dead
        yield Problem(
            f"loss and grad_norm are exactly zero in all {counted(rows, 'row')}",
            state.at("/log_history"),
            expected="a loss and a gradient",
            observed="0 and 0",
            evidence=tuple(_equal_adapters(run)),
        )


def _equal_adapters(run: Run) -> Iterator[str]:
    """The same weights at every checkpoint, where digests are known without reading."""
    for name in ("adapter_model.safetensors", "adapter_model.bin"):
        known = [blob.identity for _, blob in run.blobs(name)]
        if len(known) > 1 and None not in known and len(set(known)) == 1:
            yield f"{name} is the same file in all {len(known)} places"
