"""Both factors of an adapter against those of the checkpoint before, which needs neither seed nor start."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._wording import counted, plain_number
from auditor.checks.training._claimed_reach import MARGIN, Claimed, rate_of_its_own
from auditor.errors import CannotRead
from auditor.model import Problem, Skip
from auditor.runs import Folder, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from auditor.artifacts._safetensors import TensorInfo

SAMPLE = 1 << 16
"""Elements of a tensor compared, at most: all of a matrix of rank 16 over 4,096 inputs."""


@dataclass(frozen=True, slots=True)
class Stage:
    """An adapter of a run, and the step at which it was saved."""

    folder: Folder
    weights: AdapterWeights
    step: int


@dataclass(frozen=True, slots=True)
class Change:
    """How far one factor moved: ``moved`` at most in any element looked at, which was ``begun`` at most before.

    ``module`` and ``part`` ("a", "b") say which; ``precision`` is the type that training may have kept it in.
    """

    module: str
    part: str
    tensor: str
    begun: float
    moved: float
    precision: str


def stages(run: Run) -> list[Stage]:
    """The run's adapters by step, those whose log tells that they are of one run."""
    folders = list(run.checkpoints)
    state = run.root.one(TrainerState)
    if state is not None and state.best_model_checkpoint is None:
        folders.append(run.root)
    found: list[Stage] = []
    for folder in folders:
        weights, state = folder.one(AdapterWeights), folder.one(TrainerState)
        if weights is None or state is None or not state.log_history or not state.global_step:
            continue
        if not found or state.global_step > found[-1].step:
            found.append(Stage(folder, weights, state.global_step))
    return found


def changes(before: Stage, after: Stage) -> Iterator[Change]:
    """Every factor that both hold in the same type and shape. NaN moves nowhere: it is another rule's.

    Raises CannotRead.
    """
    for module, pair in after.weights.pairs().items():
        for part, info in (("a", pair.a), ("b", pair.b)):
            was = before.weights.tensors.get(info.name) if info is not None else None
            if info is None or was is None or (was.dtype, was.shape) != (info.dtype, info.shape):
                continue
            if info.dtype in ("F32", "F16", "BF16") and info.elements:
                yield _change(before, after, module, part, info)


def _change(before: Stage, after: Stage, module: str, part: str, info: "TensorInfo") -> Change:
    from auditor.compare.initial import precision_of

    old, new = _values(before.weights, info.name), _values(after.weights, info.name)
    precision = precision_of(new) if info.dtype == "F32" else info.dtype
    return Change(module, part, info.name, float(abs(old).max()), float(abs(new - old).max()), precision)


def _values(weights: AdapterWeights, name: str) -> "NDArray[Any]":
    return next(weights.chunks(name, SAMPLE)).astype("f8")


def beyond_checkpoint(run: Run, claim: Claimed) -> Iterator[Problem | Skip]:
    """The first two adapters of the run that lie further apart than the steps between them can carry.

    Where both have the optimizer's state, weights-outrun-optimizer says it.
    """
    pairs = [
        pair for pair in pairwise(stages(run)) if not all(one.folder.all(OptimizerState) for one in pair)
    ]
    if not pairs:
        return
    if claim.bound is None:
        yield Skip("what lies between two checkpoints is not looked at: the steps are too many to follow")
        return
    try:
        for before, after in pairs:
            found = list(_compared(run, before, after))
            far = [item for item in found if _share(item, claim, before, after) > 1]
            if far:
                yield _problem(claim, before, after, far, len(found))
                return
    except CannotRead as error:
        yield Skip(f"what lies between two checkpoints is not looked at: a file {error.reason}")


def _compared(run: Run, before: Stage, after: Stage) -> Iterator[Change]:
    own_rate = rate_of_its_own(run)
    return (item for item in changes(before, after) if item.part == "a" or own_rate is None)


def _share(item: Change, claim: Claimed, before: Stage, after: Stage) -> float:
    """How far a factor moved, in units of what the steps allow; zeros are the matter of untrained-layers."""
    limit = _limit(item, claim, before, after)
    zeroed = item.part == "a" and (item.begun == 0 or item.moved == item.begun)
    return 0.0 if zeroed or not limit else item.moved / limit


def _limit(item: Change, claim: Claimed, before: Stage, after: Stage) -> float:
    assert claim.bound is not None
    return claim.bound.furthest(item.begun, before.step, after.step, item.precision) * (1 + MARGIN)


def _problem(claim: Claimed, before: Stage, after: Stage, far: Sequence[Change], of: int) -> Problem:
    worst = max(far, key=lambda item: _share(item, claim, before, after))
    steps = counted(after.step - before.step, "step")
    return Problem(
        f"{len(far):,} of {counted(of, 'tensor')} moved further in the {steps} since "
        f"{before.weights.path} than the claimed learning rate can move them",
        after.weights.at(worst.tensor),
        expected=f"at most {plain_number(_limit(worst, claim, before, after))}, where each step goes as far as the "
        "optimizer allows",
        observed=plain_number(worst.moved),
    )
