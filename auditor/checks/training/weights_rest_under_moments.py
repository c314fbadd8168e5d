"""Weights that did not move by a bit, although Adam's moments say that every parameter of their shape was moved.

A step of Adam moves each number by the learning rate times `exp_avg` over the root of `exp_avg_sq`, both corrected for
their start (torch 2.13.0, optim/adam.py, `_single_tensor_adam`). Where that is more than float32 can swallow for every
parameter of a shape, no tensor of that shape is the same in two checkpoints, and no lora_B is still the zero with which
it began (peft 0.21.2, tuners/lora/layer.py, `reset_lora_parameters`). Such a tensor was put there afterwards. The
optimizer names no parameter, so shapes are counted, and only where it has as many as the adapter.

Wrong when: a callback writes weights back while it trains, as one that keeps or averages them does.

Fix: publish weights and optimizer of the same checkpoint.

Bad:
    checkpoint-9/adapter_model.safetensors: tensor *.layers.0.mlp.up_proj.lora_B.weight = 0

Good:
    checkpoint-9/adapter_model.safetensors: tensor *.layers.0.mlp.up_proj.lora_B.weight * 0.9
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState, ParamState
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import counted
from auditor.checks.training.optimizer_moments_impossible import FIRST, SECOND
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

Shape = tuple[int, ...]


def check(run: Run) -> Iterator[Problem | Skip]:
    """Every checkpoint against the zero start of lora_B, and against the checkpoint before it."""
    before: tuple[AdapterWeights, OptimizerState] | None = None
    looked, told = False, set[str]()
    for folder in run.checkpoints:
        weights, optimizer = folder.one(AdapterWeights), folder.one(OptimizerState)
        if weights is None or optimizer is None:
            continue
        looked = True
        try:
            yield from _judged(folder, weights, optimizer, before, told)
        except CannotRead as error:
            yield Skip(f"{folder.path}: a file {error.reason}")
        before = weights, optimizer
    if not looked:
        yield Skip("no checkpoint holds both an adapter and an optimizer.pt that were read")


def _judged(
    folder: Folder,
    weights: AdapterWeights,
    optimizer: OptimizerState,
    before: tuple[AdapterWeights, OptimizerState] | None,
    told: set[str],
) -> Iterator[Problem | Skip]:
    """One finding a checkpoint, of tensors that none before it named."""
    if optimizer.kind != "adamw" or not all("amsgrad" in group for group in optimizer.param_groups):
        yield Skip(f"{optimizer.path} is not of torch's Adam or AdamW")
        return
    zero = _zeros(folder, weights) if _updates(optimizer) >= _LEAST_STEPS else []
    still = _same(before[0], weights) if before and _since(before[1], optimizer) else []
    for tensors, words in (
        (zero, f"exactly zero after {counted(_updates(optimizer), 'update')}"),
        (still, f"as in {before[0].path}, to the last bit" if before else ""),
    ):
        found = _unexplained(tensors, weights, optimizer, _rate(folder, optimizer, before))
        resting = [info for info in found if info.name not in told]
        if resting:
            told.update(info.name for info in found)
            yield _problem(weights, resting, words)
            return


def _problem(weights: AdapterWeights, resting: Sequence["TensorInfo"], words: str) -> Problem:
    verb = "is" if len(resting) == 1 else "are"
    return Problem(
        f"{len(resting):,} of {counted(len(weights.tensors), 'tensor')} {verb} {words}, first {resting[0].name}: Adam "
        "moved every parameter of that shape",
        weights.at(resting[0].name),
        expected="numbers that moved",
        observed="zeros" if words.startswith("exactly") else "the same bits",
    )


def _updates(optimizer: OptimizerState) -> int:
    return int(min(optimizer.steps)) if optimizer.steps and min(optimizer.steps) < 2**53 else 0


def _since(before: OptimizerState, after: OptimizerState) -> bool:
    return bool(before.steps) and _updates(after) - int(max(before.steps)) >= _LEAST_STEPS


def _zeros(folder: Folder, weights: AdapterWeights) -> list["TensorInfo"]:
    """The lora_B of linear modules that are zero, where they began so. Raises CannotRead."""
    config = folder.one(AdapterConfig)
    if config is None or config.peft_type != "LORA" or config.init_lora_weights not in ZERO_STARTS:
        return []
    factors = [pair.b for pair in weights.pairs().values() if pair.b is not None and not pair.is_embedding]
    zero = [info for info in factors if not any(bool(chunk.any()) for chunk in weights.chunks(info.name))]
    # That nothing was trained at all is told elsewhere (untrained-layers).
    return zero if len(zero) < len(factors) else []


def _same(before: AdapterWeights, weights: AdapterWeights) -> list["TensorInfo"]:
    """The tensors that are equal bit by bit, unless all are (checkpoint-repeats-another). Raises CannotRead."""
    equal = [
        info
        for name, info in weights.tensors.items()
        if (was := before.tensors.get(name)) is not None
        and (was.dtype, was.shape) == (info.dtype, info.shape)
        and all(
            x.tobytes() == y.tobytes() for x, y in zip(before.chunks(name), weights.chunks(name), strict=True)
        )
    ]
    return equal if len(equal) < len(weights.tensors) else []


def _rate(
    folder: Folder, optimizer: OptimizerState, before: tuple[AdapterWeights, OptimizerState] | None
) -> float:
    """The highest learning rate logged since the checkpoint before, else the lowest of the groups."""
    state = folder.one(TrainerState)
    start = max(before[1].steps) if before and before[1].steps else 0
    logged = [rate for step, rate in state.logged("learning_rate") if step > start + 1] if state else []
    if logged:
        return max(logged)
    rates = [group.get("lr") for group in optimizer.param_groups if group.get("params")]
    return min((float(rate) if isinstance(rate, int | float) else 0.0 for rate in rates), default=0.0)


def _unexplained(
    tensors: Sequence["TensorInfo"], weights: AdapterWeights, optimizer: OptimizerState, rate: float
) -> list["TensorInfo"]:
    """Those of the tensors whose shape has no parameter that may have rested. Raises CannotRead."""
    in_file = Counter(tuple(info.shape) for info in weights.tensors.values())
    found: list[TensorInfo] = []
    for shape in dict.fromkeys(tuple(info.shape) for info in tensors):
        alike = [
            info for info in tensors if tuple(info.shape) == shape and info.dtype == "F32" and info.elements
        ]
        entries = [entry for entry in optimizer.entries if entry.shape == shape]
        if not alike or len(entries) != in_file[shape]:
            continue
        least = _ULPS * max(_spacing(weights, info) for info in alike)
        resting = sum(not _moves(optimizer, entry, rate, least) for entry in entries)
        found += alike if len(alike) > resting else []
    return found


def _spacing(weights: AdapterWeights, info: "TensorInfo") -> float:
    """The distance between float32 numbers of the size of the largest in a tensor. Raises CannotRead."""
    import numpy

    largest = max(float(abs(chunk).max()) for chunk in weights.chunks(info.name))
    return float(numpy.spacing(numpy.float32(largest)))


def _moves(optimizer: OptimizerState, entry: ParamState, rate: float, least: float) -> bool:
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
    return rate * largest >= least


def _listed(group: object) -> Sequence[object]:
    params = group.get("params") if isinstance(group, dict) else None
    return params if isinstance(params, list) else []
