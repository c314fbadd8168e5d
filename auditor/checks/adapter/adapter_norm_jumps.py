"""The adapter of one checkpoint is far larger or smaller than those before and after it.

Weights move a little with every optimizer step, by about the learning rate with Adam (torch 2.13.0,
optim/adam.py), so the size of the update grows or settles over a run. A checkpoint that is several times as
large as both its neighbours, while they resemble each other, was scaled, cast or taken from another run.

Wrong when: a learning rate that diverged and recovered between two saves.

Fix: compare the checkpoint's loss with its neighbours'; remove it if it is of another run.

Bad:
    checkpoint-9/adapter_model.safetensors: tensor * * 0.001
    checkpoint-4/adapter_config.json: = copy of checkpoint-9/adapter_config.json
    checkpoint-4/adapter_model.safetensors: = copy of checkpoint-18/adapter_model.safetensors

Good:
    checkpoint-4/adapter_config.json: = copy of checkpoint-9/adapter_config.json
    checkpoint-4/adapter_model.safetensors: = copy of checkpoint-9/adapter_model.safetensors
"""

import math
from collections.abc import Iterator

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.NOTE

FACTOR = 4.0
"""How many times a checkpoint must be as large (or small) as both neighbours."""
ALIKE = 2.0
"""Most by which the two neighbours may differ."""
_LIMIT = 512 * 1024**2
"""Bytes of all checkpoints read at most."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """The Euclidean norm of all tensors, checkpoint by checkpoint; three in a row at least."""
    files = [weights for folder in run.checkpoints if (weights := folder.one(AdapterWeights)) is not None]
    if len(files) < 3:
        yield Skip("fewer than three checkpoints hold an adapter that could be read")
        return
    if sum(item.size for item in files) > _LIMIT:
        yield Skip(f"the checkpoints' adapters have more than {_LIMIT // 1024**2} MB together")
        return
    try:
        norms = [(item, _norm(item)) for item in files]
    except CannotRead as error:
        yield Skip(f"a checkpoint's adapter {error.reason}")
        return
    for (_, before), (item, norm), (_, after) in zip(norms, norms[1:], norms[2:], strict=False):
        if _ratio(before, after) <= ALIKE and min(_ratio(norm, before), _ratio(norm, after)) >= FACTOR:
            yield Problem(
                f"the adapter's norm is {norm:.4g}, between {before:.4g} before and {after:.4g} after it",
                item.at(),
                expected=f"within {FACTOR:g} times of its neighbours",
                observed=f"{norm:.4g}",
            )


def _norm(weights: AdapterWeights) -> float:
    """Of all tensors together, in float64; NaN and infinity make it infinite. Raises CannotRead."""
    total = math.fsum(weights.extremes(name).squares for name in weights.tensors)
    return math.sqrt(total) if math.isfinite(total) else math.inf


def _ratio(one: float, other: float) -> float:
    if not math.isfinite(one) or not math.isfinite(other):
        return 1.0
    small, large = sorted((one, other))
    return large / small if small else (1.0 if not large else math.inf)
