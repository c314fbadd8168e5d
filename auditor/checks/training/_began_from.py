"""Which other adapter of the repository a run may have begun from: a second stage names it in no file."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.model import Problem, Severity
from auditor.runs import CHECKPOINT, Run

MARGIN = 1e-3
"""Relative slack: float32 rounds each of the steps by at most 6e-8."""
_MOST = 16
"""Other adapters that are looked at."""


def began_from(run: Run, weights: AdapterWeights, reach: float, decay: float = 0.0) -> str | None:
    """The path of an adapter outside the run from which every tensor lies within reach, or None. Raises CannotRead.

    ``reach`` is the furthest that a number moves in all steps; ``decay`` is the share by which weight decay shrinks it
    at most. Loading an adapter with ``is_trainable`` and training on is what a DPO after an SFT does (peft 0.21.2,
    peft_model.py, ``from_pretrained``).
    """
    names = {name for name in weights.tensors if ".lora_" in name}
    for other in islice(_others(run, weights, names), _MOST):
        if all(_is_near(other, weights, name, reach, decay) for name in sorted(names)):
            return other.path
    return None


def told_start(problem: Problem, start: str | None) -> Problem:
    """The finding as a note where another adapter of the repository explains it; as it is where none does."""
    if start is None:
        return problem
    words = f"{problem.message}; from {start} they can, so training may have begun there"
    return replace(problem, message=words, severity=Severity.NOTE)


def _others(run: Run, weights: AdapterWeights, names: set[str]) -> Iterator[AdapterWeights]:
    """Adapters outside the run with tensors of the same names and shapes, final ones of other runs first."""
    own = {folder.path for folder in run.folders}
    folders = [folder for path, folder in run.contents.folders.items() if path not in own]
    folders.sort(
        key=lambda folder: (folder.path.startswith(f"{run.path}/"), _is_within_checkpoint(folder.path))
    )
    for folder in folders:
        for other in folder.all(AdapterWeights):
            tensors = other.tensors
            if names and all(
                name in tensors and tensors[name].shape == weights.tensors[name].shape for name in names
            ):
                yield other


def _is_within_checkpoint(path: str) -> bool:
    return any(CHECKPOINT.match(part) for part in path.split("/"))


def _is_near(other: AdapterWeights, weights: AdapterWeights, name: str, reach: float, decay: float) -> bool:
    """Whether no number moved further than the steps and the decay of its start explain; false for NaN."""
    chunks = zip(other.chunks(name), weights.chunks(name), strict=True)
    return all(
        bool((abs(now - then) <= (reach + decay * (abs(then) + reach)) * (1 + MARGIN)).all())
        for then, now in chunks
    )
