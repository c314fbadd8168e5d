"""Two checkpoints of different steps hold the same weights, moments or random states.

Every step changes the weights and Adam's moments (torch 2.13.0, optim/adam.py), and LoRA's dropout draws random
numbers in each forward pass, which move the generators that rng_state.pth holds (transformers 5.23.0, trainer.py,
`_save_rng_state`), unless a trainer of preferences or rewards turned dropout off, as TRL's do (trl 1.16.0,
`disable_dropout`; DPOTrainer of trl 0.7 writes it nowhere, and logs ``rewards/chosen``).
Equal files mean that nothing was learned between them, or that one checkpoint is a copy of the other.

A run whose loss and gradient are zero throughout is told by zero-loss-throughout alone, and weights of which every
number is NaN, which no step changes, by non-finite-weights. Where every logged learning rate or gradient from one
checkpoint to the other is zero, equal weights are what training makes: a warning.

Wrong when: the files are honest and the run is not worth publishing: fp16 skipped every step between them.

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
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.checks._received import arguments
from auditor.checks._wording import counted, joined
from auditor.checks.adapter.non_finite_weights import non_finite
from auditor.checks.training._dead import zero_throughout
from auditor.compare._same_bytes import same_file
from auditor.errors import CannotRead
from auditor.model import Blob, Location, Problem, Severity, Skip
from auditor.runs import Folder, Run

SEVERITY = Severity.ERROR

_CHANGING = ("adapter_model.safetensors", "adapter_model.bin", "optimizer.pt")
_RANDOM = "rng_state.pth"
_ZERO = {
    "learning_rate": "every logged learning rate is zero",
    "grad_norm": "every logged gradient is zero",
}


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
                and same_file(one, two)
                and not _is_empty(later, name)
                and not _is_lost(later, name)
            ):
                found.setdefault(name, []).append((earlier, later, one, two))
    for name, repeats in found.items():
        yield _problem(name, repeats)


def _is_empty(folder: Folder, name: str) -> bool:
    """A file without tensors, as FSDP's first version leaves it (transformers 5.17.0): weights-unreadable's matter."""
    weights = folder.one(AdapterWeights) if name.startswith("adapter_model") else None
    return weights is not None and not weights.tensors


def _is_lost(folder: Folder, name: str) -> bool:
    """Whether every number of the adapter is NaN."""
    weights = folder.one(AdapterWeights) if name.startswith("adapter_model") else None
    try:
        return weights is not None and all(
            non_finite(weights, tensor) == info.elements for tensor, info in weights.tensors.items()
        )
    except CannotRead:
        return False


def _rests(earlier: Folder, later: Folder) -> str | None:
    """What was zero in every logged row from the earlier checkpoint's step to the later one's, or None."""
    state = later.one(TrainerState)
    if state is None or earlier.step is None or later.step is None:
        return None
    for key, words in _ZERO.items():
        values = [v for step, v in state.logged(key) if earlier.step <= step <= later.step]
        if len(values) > 1 and not any(values):
            return words
    return None


def _problem(name: str, repeats: Sequence[tuple[Folder, Folder, Blob, Blob]]) -> Problem:
    earlier, later, one, two = repeats[0]
    more = f", and {counted(len(repeats) - 1, 'more checkpoint')} the one before" if len(repeats) > 1 else ""
    same = two.digest()
    rests = {_rests(*pair[:2]) for pair in repeats} if name.startswith("adapter_model") else {None}
    why = f": {joined(sorted(words for words in rests if words))}" if None not in rests else ""
    return Problem(
        f"{two.path} is {one.path}, byte by byte, {_between(earlier, later)} steps later{more}{why}",
        Location(two.path),
        expected="another file at every step",
        observed=f"{same.algorithm} {same.hex[:12]}… twice" if same else None,
        severity=Severity.WARNING if why or name == _RANDOM else None,
    )


def _names(run: Run, folder: Folder) -> tuple[str, ...]:
    config = folder.one(AdapterConfig)
    draws = config is not None and bool(config.lora_dropout)
    draws = draws and not _turns_dropout_off(run, folder)
    return (*_CHANGING, _RANDOM) if draws and _saves_its_generator(run, folder) else _CHANGING


def _turns_dropout_off(run: Run, folder: Folder) -> bool:
    said, state = arguments(run, folder).get("disable_dropout"), folder.one(TrainerState)
    return said is True or (said is None and state is not None and "rewards/chosen" in state.row_keys)


def _saves_its_generator(run: Run, folder: Folder) -> bool:
    """Whether dropout drew from a generator that rng_state.pth holds.

    Apple's and other accelerators' generators are not saved, and the CPU's rests while they train.
    """
    arguments = run.one(TrainingArgs)
    on_cpu = arguments is not None and arguments.get("use_cpu") is True
    return on_cpu or any(state.cuda for state in folder.all(RngState))


def _between(earlier: Folder, later: Folder) -> int:
    return (later.step or 0) - (earlier.step or 0)
