"""Adam's second moment is negative or not finite, which no gradient can make it.

`exp_avg_sq` is a running mean of squares (torch 2.13.0, optim/adam.py). NaN or infinity in it means that a
gradient broke training down; a negative number means that the file is damaged or not the optimizer's.

Wrong when: never for float tensors; quantized states of 8-bit optimizers are not looked at.

Fix: do not resume from this checkpoint, and publish one from before the breakdown.

Bad:
    checkpoint-18/optimizer.pt: optimizer with exp_avg_sq -1e-30

Good:
    checkpoint-18/optimizer.pt: optimizer with exp_avg_sq 0
"""

from collections.abc import Iterator

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR

KEY = "exp_avg_sq"


def check(optimizer: OptimizerState) -> Iterator[Problem | Skip]:
    """One tensor after the other, so that memory holds one at a time."""
    if optimizer.kind != "adamw":
        yield Skip("the optimizer keeps no second moments in plain tensors")
        return
    bad: list[int] = []
    for entry in optimizer.entries:
        if KEY not in entry.tensors:
            continue
        try:
            if _is_impossible(optimizer, entry.index):
                bad.append(entry.index)
        except CannotRead as error:
            yield Skip(f"{optimizer.path} {error.reason}")
            return
    if bad:
        yield Problem(
            f"{KEY} of {len(bad):,} of {len(optimizer.entries):,} parameters is negative or not finite",
            optimizer.at(f"state/{bad[0]}/{KEY}"),
            expected="finite numbers of zero or more",
            observed=f"parameter {bad[0]} first",
        )


def _is_impossible(optimizer: OptimizerState, index: int) -> bool:
    """Raises CannotRead."""
    import numpy

    values = optimizer.array(index, KEY)
    return not bool(numpy.isfinite(values).all()) or bool((values < 0).any())
