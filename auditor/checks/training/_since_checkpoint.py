"""Both factors of an adapter against those of the checkpoint before, which needs neither seed nor start."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from auditor.artifacts._number_formats import numpy_module
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair
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

SAMPLE = 4096
"""Elements of a tensor compared, at most, the first ones: a run of a hundred checkpoints has many tensors."""
_TELLING = 256
"""Elements that tell whether a tensor's numbers are those of 16 bits."""
_TYPES = ("F32", "F16", "BF16")


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


def changes(run: Run) -> "Sequence[tuple[Stage, Stage, Sequence[Change]]]":
    """What every adapter of the run changes of the one before it, worked out once. Raises CannotRead.

    Compared is every factor that both hold in the same type and shape. NaN moves nowhere: it is another rule's.
    """
    every = stages(run)
    if len(every) < 2:
        return ()
    memory = every[-1].weights.proofs
    key = ("changes", *(stage.weights.path for stage in every))
    if key not in memory:
        memory[key] = tuple(_changes(every))
    return memory[key]  # type: ignore[return-value]


def _changes(every: Sequence[Stage]) -> Iterator[tuple[Stage, Stage, Sequence[Change]]]:
    old = _heads(every[0].weights)
    for before, after in pairwise(every):
        new = _heads(after.weights)
        found = [_change(part, old[name], new[name]) for name, part in _parts(after, before)]
        yield before, after, found
        old = new


def _heads(weights: AdapterWeights) -> "Mapping[str, NDArray[Any]]":
    infos = (info for pair in weights.pairs().values() for info in (pair.a, pair.b))
    names = [info.name for info in infos if info is not None and info.dtype in _TYPES and info.elements]
    return dict(weights.heads(names, SAMPLE))


def _parts(after: Stage, before: Stage) -> "Iterator[tuple[str, tuple[str, str, TensorInfo]]]":
    """Factors that both adapters hold alike, by the tensor's name, with module, part and description."""
    earlier = before.weights.pairs()
    for module, pair in after.weights.pairs().items():
        was = earlier.get(module, LoraPair(module))
        for part, info, old in (("a", pair.a, was.a), ("b", pair.b, was.b)):
            if info is None or old is None:
                continue
            if (old.name, old.dtype, old.shape) != (info.name, info.dtype, info.shape):
                continue
            if info.dtype in _TYPES and info.elements:
                yield info.name, (module, part, info)


def _change(what: "tuple[str, str, TensorInfo]", old: "NDArray[Any]", new: "NDArray[Any]") -> Change:
    from auditor.compare.initial import precision_of

    module, part, info = what
    with numpy_module().errstate(invalid="ignore", over="ignore"):
        moved = float(abs(new.astype("f4") - old.astype("f4")).max())
    precision = precision_of(new[:_TELLING]) if info.dtype == "F32" else info.dtype
    return Change(module, part, info.name, float(abs(old).max()), moved, precision)


def beyond_checkpoint(run: Run, claim: Claimed) -> Iterator[Problem | Skip]:
    """The first two adapters of the run that lie further apart than the steps between them can carry.

    Where both have the optimizer's state, weights-outrun-optimizer says it.
    """
    try:
        found = changes(run)
    except CannotRead as error:
        yield Skip(f"what lies between two checkpoints is not looked at: a file {error.reason}")
        return
    own_rate = rate_of_its_own(run)
    for before, after, items in found:
        if all(stage.folder.all(OptimizerState) for stage in (before, after)):
            continue
        if claim.bound is None:
            yield Skip("what lies between two checkpoints is not looked at: the steps are too many to follow")
            return
        looked = [item for item in items if item.part == "a" or own_rate is None]
        far = [item for item in looked if _share(item, claim, before, after) > 1]
        if far:
            yield _problem(claim, before, after, far, len(looked))
            return


def _share(item: Change, claim: Claimed, before: Stage, after: Stage) -> float:
    """How far a factor moved, in units of what the steps allow.

    Zeros are the matter of untrained-layers, infinities that of non-finite-weights.
    """
    limit = _limit(item, claim, before, after)
    told = item.part == "a" and (item.begun == 0 or item.moved == item.begun)
    return 0.0 if told or not limit or not math.isfinite(item.moved) else item.moved / limit


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
