"""Two checkpoints of different steps hold the same weights, moments or random states.

Every step changes the weights and Adam's moments, and LoRA's dropout draws random numbers in each forward pass.
Equal files mean that one checkpoint is a copy of the other, made to look like a later or an earlier one.

Wrong when: the learning rate was zero, fp16 skipped every step between them, or (random states only) the run
trained on a device whose generator the Trainer does not save.

Fix: publish the checkpoints as training wrote them.
"""

from collections.abc import Iterator
from itertools import pairwise

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Folder, Run

SEVERITY = Severity.ERROR

_CHANGING = ("adapter_model.safetensors", "adapter_model.bin", "optimizer.pt")
_RANDOM = "rng_state.pth"


def check(run: Run) -> Iterator[Problem | Skip]:
    """By digest, so that a pointer proves without the bytes."""
    if len(run.checkpoints) < 2:
        yield Skip("the run has fewer than two checkpoints")
    for earlier, later in pairwise(run.checkpoints):
        for name in _names(later):
            one, two = run.blob(name, earlier), run.blob(name, later)
            if one and two and one.identity is not None and one.identity == two.identity:
                yield Problem(
                    f"{two.path} is {one.path}, byte by byte, {_between(earlier, later)} steps later",
                    Location(two.path),
                    expected="another file at every step",
                    observed=f"{two.identity.algorithm} {two.identity.hex[:12]}… twice",
                    severity=Severity.WARNING if name == _RANDOM else None,
                )


def _names(folder: Folder) -> tuple[str, ...]:
    config = folder.one(AdapterConfig)
    draws = config is not None and bool(config.lora_dropout)
    return (*_CHANGING, _RANDOM) if draws else _CHANGING


def _between(earlier: Folder, later: Folder) -> int:
    return (later.step or 0) - (earlier.step or 0)
