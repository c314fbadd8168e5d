"""Two checkpoints of different steps hold the same weights, moments or random states.

Every step changes the weights and Adam's moments (torch 2.13.0, optim/adam.py), and LoRA's dropout draws random
numbers in each forward pass, which move the generators that rng_state.pth holds (transformers 5.23.0, trainer.py,
`_save_rng_state`).
Equal files mean that nothing was learned between them, or that one checkpoint is a copy of the other.

A run whose loss and gradient are zero throughout is told by zero-loss-throughout alone.

Wrong when: the files are honest and the run is not worth publishing: the learning rate was zero, or fp16 skipped
every step between them.

Fix: publish the checkpoints as training wrote them.

Bad:
    checkpoint-18/optimizer.pt: = copy of checkpoint-9/optimizer.pt

Good:
    # without dropout no step draws a random number
    checkpoint-18/rng_state.pth: = copy of checkpoint-9/rng_state.pth
    checkpoint-18/adapter_config.json: /lora_dropout = 0.0
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks._wording import counted
from auditor.checks.training._dead import zero_throughout
from auditor.model import Blob, Location, Problem, Severity, Skip
from auditor.runs import Folder, Run

SEVERITY = Severity.ERROR

_CHANGING = ("adapter_model.safetensors", "adapter_model.bin", "optimizer.pt")
_RANDOM = "rng_state.pth"


def check(run: Run) -> Iterator[Problem | Skip]:
    """By digest, so that a pointer proves without the bytes; one finding for each kind of file."""
    if len(run.checkpoints) < 2:
        yield Skip("the run has fewer than two checkpoints")
    if zero_throughout(run) is not None:
        yield Skip(
            "loss and gradient are zero throughout, which leaves every file as it was and is told once"
        )
        return
    found: dict[str, list[tuple[Folder, Folder, Blob, Blob]]] = {}
    for earlier, later in pairwise(run.checkpoints):
        for name in _names(run, later):
            one, two = run.blob(name, earlier), run.blob(name, later)
            if (
                one
                and two
                and one.size == two.size
                and one.digest() is not None
                and one.digest() == two.digest()
                and not _is_empty(later, name)
            ):
                found.setdefault(name, []).append((earlier, later, one, two))
    for name, repeats in found.items():
        yield _problem(name, repeats)


def _is_empty(folder: Folder, name: str) -> bool:
    """A file without tensors, as FSDP's first version leaves it (transformers 5.17.0): weights-unreadable's matter."""
    weights = folder.one(AdapterWeights) if name.startswith("adapter_model") else None
    return weights is not None and not weights.tensors


def _problem(name: str, repeats: Sequence[tuple[Folder, Folder, Blob, Blob]]) -> Problem:
    earlier, later, one, two = repeats[0]
    more = f", and {counted(len(repeats) - 1, 'more checkpoint')} the one before" if len(repeats) > 1 else ""
    same = two.digest()
    return Problem(
        f"{two.path} is {one.path}, byte by byte, {_between(earlier, later)} steps later{more}",
        Location(two.path),
        expected="another file at every step",
        observed=f"{same.algorithm} {same.hex[:12]}… twice" if same else None,
        severity=Severity.WARNING if name == _RANDOM else None,
    )


def _names(run: Run, folder: Folder) -> tuple[str, ...]:
    config = folder.one(AdapterConfig)
    draws = config is not None and bool(config.lora_dropout)
    return (*_CHANGING, _RANDOM) if draws and _saves_its_generator(run, folder) else _CHANGING


def _saves_its_generator(run: Run, folder: Folder) -> bool:
    """Whether dropout drew from a generator that rng_state.pth holds.

    Apple's and other accelerators' generators are not saved, and the CPU's rests while they train.
    """
    arguments = run.one(TrainingArgs)
    on_cpu = arguments is not None and arguments.get("use_cpu") is True
    return on_cpu or any(state.cuda for state in folder.all(RngState))


def _between(earlier: Folder, later: Folder) -> int:
    return (later.step or 0) - (earlier.step or 0)
