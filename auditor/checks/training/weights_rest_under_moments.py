"""Weights that did not move by a bit, although Adam's moments say that every parameter of their shape was moved.

A step of Adam moves each number by the learning rate times `exp_avg` over the root of `exp_avg_sq`, both corrected for
their start (torch 2.13.0, optim/adam.py, `_single_tensor_adam`). Where that is more than float32 can swallow for every
parameter of a shape, no tensor of that shape is the same in two checkpoints, and no lora_B is still the zero with which
it began (peft 0.21.2, tuners/lora/layer.py, `reset_lora_parameters`). Such a tensor was put there afterwards. The
optimizer names no parameter, so shapes are counted, and only where it has as many as the adapter. The log has the rate
of the first group (transformers 5.23.0, trainer.py, `_get_learning_rate`), of which every other group has its own part:
LoRA+ gives embeddings one of 1e-6, whatever lora_A has (peft 0.21.2, optimizers/loraplus.py).

Wrong when: a callback writes weights back while it trains, as one that keeps or averages them does.

Fix: publish weights and optimizer of the same checkpoint.

Bad:
    checkpoint-9/adapter_model.safetensors: tensor *.layers.0.mlp.up_proj.lora_B.weight = 0

Good:
    checkpoint-9/adapter_model.safetensors: tensor *.layers.0.mlp.up_proj.lora_B.weight * 0.9
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.artifacts._fields import is_number
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState, ParamState
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import counted
from auditor.checks.training._since_checkpoint import changes
from auditor.checks.training.optimizer_moments_impossible import FIRST, SECOND
from auditor.compare._same_bytes import same_tensor
from auditor.compare.reach import ZERO_STARTS
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip
from auditor.runs import Folder, Run

if TYPE_CHECKING:
    from auditor.artifacts._safetensors import TensorInfo

SEVERITY = Severity.ERROR

_LEAST_STEPS = 2
"""Updates: the first one of a warm-up has a rate of zero."""
_ULPS = 4.0
"""How many times the distance between two float32 numbers of that size a step has to be."""
_RATES = ("initial_lr", "lr")
"""A group's rate before its schedule, which a scheduler writes, and the rate of the next step."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """Every checkpoint against the zero start of lora_B, then against the checkpoint before it.

    One finding a checkpoint, of tensors that none before it named.
    """
    kinds = [
        one for folder in run.checkpoints if folder.one(AdapterWeights) for one in folder.all(OptimizerState)
    ]
    if not kinds:
        yield Skip("no checkpoint holds both an adapter and an optimizer.pt that were read")
    for optimizer in kinds:
        if not _is_adam(optimizer):
            yield Skip(f"{optimizer.path} is not of torch's Adam or AdamW")
        elif not any(_number(optimizer.param_groups[0].get(key)) for key in _RATES):
            yield Skip(
                f"{optimizer.path} has no learning rate in its first group, which is the one that is logged"
            )
    told: set[str] = set()
    try:
        for look in (*_from_zero(run), *_between(run)):
            resting = [info for info in _unexplained(look) if info.name not in told]
            if resting:
                told.update(info.name for info in resting)
                yield _problem(look, resting)
    except CannotRead as error:
        yield Skip(f"a file {error.reason}")


@dataclass(frozen=True, slots=True)
class _Look:
    """Tensors that rest, in words since when, and the updates under which they do."""

    weights: AdapterWeights
    optimizer: OptimizerState
    tensors: "Sequence[TensorInfo]"
    words: str
    logged: float | None


def _is_adam(optimizer: OptimizerState) -> bool:
    groups = optimizer.param_groups
    return optimizer.kind == "adamw" and bool(groups) and all("amsgrad" in group for group in groups)


def _from_zero(run: Run) -> Iterator[_Look]:
    """The lora_B of linear modules that are zero, where they began so. Raises CannotRead."""
    for folder in run.checkpoints:
        weights, optimizer = folder.one(AdapterWeights), folder.one(OptimizerState)
        config = folder.one(AdapterConfig)
        if weights is None or optimizer is None or config is None or not _is_adam(optimizer):
            continue
        if config.peft_type != "LORA" or config.init_lora_weights not in ZERO_STARTS:
            continue
        factors = [
            pair.b for pair in weights.pairs().values() if pair.b is not None and not pair.is_embedding
        ]
        zero = [info for info in factors if info.elements and weights.is_zero(info.name)]
        # That nothing was trained at all is told elsewhere (untrained-layers).
        if zero and len(zero) < len(factors) and _updates(optimizer) >= _LEAST_STEPS:
            words = f"exactly zero after {counted(_updates(optimizer), 'update')}"
            yield _Look(weights, optimizer, zero, words, _logged(folder, 0))


def _between(run: Run) -> Iterator[_Look]:
    """The factors that are equal bit by bit in two checkpoints, unless all are. Raises CannotRead."""
    for before, after, items in changes(run):
        earlier, optimizer = before.folder.one(OptimizerState), after.folder.one(OptimizerState)
        still = [after.weights.tensors[item.tensor] for item in items if item.moved == 0]
        if earlier is None or optimizer is None or not _is_adam(optimizer) or not earlier.steps:
            continue
        if not still or len(still) == len(items) or _updates(optimizer) - max(earlier.steps) < _LEAST_STEPS:
            continue
        equal = [info for info in still if same_tensor(before.weights, after.weights, info.name)]
        words = f"as in {before.weights.path}, to the last bit"
        yield _Look(after.weights, optimizer, equal, words, _logged(after.folder, max(earlier.steps)))


def _problem(look: _Look, resting: "Sequence[TensorInfo]") -> Problem:
    verb = "is" if len(resting) == 1 else "are"
    return Problem(
        f"{len(resting):,} of {counted(len(look.weights.tensors), 'tensor')} {verb} {look.words}, first "
        f"{resting[0].name}: Adam moved every parameter of that shape",
        look.weights.at(resting[0].name),
        expected="numbers that moved",
        observed="zeros" if look.words.startswith("exactly") else "the same bits",
    )


def _updates(optimizer: OptimizerState) -> int:
    return int(min(optimizer.steps)) if optimizer.steps and min(optimizer.steps) < 2**53 else 0


def _logged(folder: Folder, start: float) -> float | None:
    """The highest learning rate logged after the update behind ``start``, which is that of the first group."""
    state = folder.one(TrainerState)
    logged = state.logged("learning_rate") if state else ()
    return max((_number(rate) for step, rate in logged if step > start + 1), default=None)


def _rate(group: Mapping[str, object], first: Mapping[str, object], logged: float | None) -> float:
    """A group's own rate; where rates were logged, its part of them, by the smaller of the ratios that it has."""
    if logged is None:
        return _number(group.get("lr"))
    parts = [_number(group.get(key)) / rate for key in _RATES if (rate := _number(first.get(key)))]
    return logged * min(parts, default=0.0)


def _number(value: object) -> float:
    return float(value) if is_number(value) and 0 < value < math.inf else 0.0


def _unexplained(look: _Look) -> "list[TensorInfo]":
    """Those of the tensors whose shape has no parameter that may have rested. Raises CannotRead."""
    in_file = Counter(tuple(info.shape) for info in look.weights.tensors.values())
    found: list[TensorInfo] = []
    for shape in dict.fromkeys(tuple(info.shape) for info in look.tensors):
        alike = [info for info in look.tensors if tuple(info.shape) == shape and info.dtype == "F32"]
        entries = [entry for entry in look.optimizer.entries if entry.shape == shape]
        if not alike or len(entries) != in_file[shape]:
            continue
        least = _ULPS * max(_spacing(look.weights, info) for info in alike)
        resting = sum(not _moves(look.optimizer, entry, look.logged, least) for entry in entries)
        found += alike if len(alike) > resting else []
    return found


def _spacing(weights: AdapterWeights, info: "TensorInfo") -> float:
    """The distance between float32 numbers of the size of the largest in a tensor. Raises CannotRead."""
    import numpy

    return float(numpy.spacing(numpy.float32(weights.extremes(info.name).largest)))


def _moves(optimizer: OptimizerState, entry: ParamState, logged: float | None, least: float) -> bool:
    """Whether the last update moved a number by more than that; one in another type than float32 counts as at rest.

    Raises CannotRead.
    """
    import numpy

    if entry.step is None or not {FIRST, SECOND} <= entry.tensors.keys():
        return False
    first, second = optimizer.array(entry.index, FIRST), optimizer.array(entry.index, SECOND)
    group = next((g for g in optimizer.param_groups if entry.index in _listed(g)), {})
    betas, eps = group.get("betas"), group.get("eps")
    if first.dtype != numpy.float32 or not isinstance(betas, list | tuple) or len(betas) != 2:
        return False
    one, two = (beta if isinstance(beta, float) and 0 < beta < 1 else None for beta in betas)
    if one is None or two is None or not isinstance(eps, float) or not first.size:
        return False
    with numpy.errstate(all="ignore"):
        mean = abs(first.astype("f8")) / (1 - one**entry.step)
        root = numpy.sqrt(second.astype("f8") / (1 - two**entry.step)) + eps
        largest = float((mean / root).max())
    return _rate(group, optimizer.param_groups[0], logged) * largest >= least


def _listed(group: object) -> Sequence[object]:
    params = group.get("params") if isinstance(group, dict) else None
    return params if isinstance(params, list) else []
