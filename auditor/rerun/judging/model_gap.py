"""Whole models of two trainings: by bits, then by how far apart they moved from the base they began at."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.artifacts._safetensors import TensorInfo
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.model_weights import ModelWeights
from auditor.compare._rounding import rounded
from auditor.compare.reach import ROUNDED
from auditor.errors import CannotRead
from auditor.rerun.judging.gaps import Gap, Pair, missing
from auditor.rerun.judging.precision import SHORT
from auditor.rerun.planning.methods import model_files

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOATS = frozenset({"F64", "F32", "F16", "BF16"})


@dataclass(slots=True)
class Sums:
    """Squared norms over tensors, float64: of the difference, of both updates, of the weights."""

    apart: float = 0.0
    theirs: float = 0.0
    ours: float = 0.0
    weights: float = 0.0

    def add(self, other: "Sums") -> None:
        """Count another tensor too."""
        self.apart += other.apart
        self.theirs += other.theirs
        self.ours += other.ours
        self.weights += other.weights

    @property
    def distance(self) -> float:
        """|theirs - ours| / max(|theirs - base|, |ours - base|): 0 for equal weights."""
        largest = max(self.theirs, self.ours)
        if not self.apart:
            return 0.0
        return math.sqrt(self.apart / largest) if largest else math.inf


def model_gap(pair: Pair) -> Gap | None:
    """The whole model of one folder; None when none was committed there."""
    theirs, ours = _tensors(model_files(pair.theirs)), _tensors(model_files(pair.ours))
    if not theirs:
        why = pair.unread("model.safetensors", "pytorch_model.bin")
        return missing("weights", pair, pair.path("model.safetensors"), why) if why else None
    at = next(iter(theirs.values())).path
    if not ours:
        return missing("weights", pair, at, "the rerun left no model at this step")
    try:
        return _measured(pair, at, theirs, ours)
    except CannotRead as error:
        return missing("weights", pair, at, f"{at} {error.reason}")


Tensors = Mapping[str, AdapterWeights]
"""Each tensor's name -> the file that holds it."""


def _tensors(files: tuple[ModelWeights, ...]) -> dict[str, AdapterWeights]:
    return {name: item for item in files for name in item.tensors}


def _measured(pair: Pair, at: str, theirs: Tensors, ours: Tensors) -> Gap:
    names = [name for name in theirs if name in ours]
    hard = _structure(theirs, ours)
    if hard is not None:
        return Gap("weights", pair.key, at, hard[1], pair.step, distance=math.inf, tensor=hard[0])
    count = len(names)
    if all(_same(theirs[name], ours[name], name) for name in names):
        says = f"all {count} tensors are bit-equal"
        return Gap("weights", pair.key, at, says, pair.step, same=True, distance=0.0)
    base = _tensors(pair.base)
    total, found = Sums(), dict[str, Sums]()
    for name in names:
        found[name] = sums(name, theirs[name], ours[name], base.get(name))
        total.add(found[name])
    if not all(map(math.isfinite, (total.apart, total.theirs, total.ours))):
        return _hole(pair, at, found)
    worst = max(found, key=lambda name: found[name].distance)
    moved = "update" if base else "model"
    says = f"the {moved} is {total.distance:.2g} away, {found[worst].distance:.2g} in {worst}"
    return Gap(
        "weights",
        pair.key,
        at,
        says,
        pair.step,
        distance=total.distance,
        coarse=_coarse(theirs, ours, names, total),
        module=worst.rpartition(".")[0],
        tensor=worst,
    )


def _hole(pair: Pair, at: str, found: Mapping[str, Sums]) -> Gap:
    name = next(name for name, sums in found.items() if not math.isfinite(sums.apart))
    says = f"{name} holds NaN or infinity on one side"
    return Gap("weights", pair.key, at, says, pair.step, distance=math.inf, tensor=name)


def _structure(theirs: Tensors, ours: Tensors) -> tuple[str, str] | None:
    """The first tensor of one side alone, or of another shape, with a sentence.

    A tensor that repeats another of the same file does not count: older releases store tied weights twice.
    """
    for one, two, where in (
        (theirs, ours, "is committed and not made by the recipe"),
        (ours, theirs, "is not committed"),
    ):
        for name in one:
            if name not in two and not _repeats(name, one):
                return name, f"tensor {name} {where}"
    for name in theirs:
        if name in ours and _info(theirs, name).shape != _info(ours, name).shape:
            mine, made = list(_info(theirs, name).shape), list(_info(ours, name).shape)
            return name, f"{name} has shape {mine}, the recipe makes {made}"
    return None


def _info(tensors: Tensors, name: str) -> TensorInfo:
    return tensors[name].info(name)


def _repeats(name: str, tensors: Tensors) -> bool:
    alike = [
        other
        for other in tensors
        if other != name and _info(tensors, other).shape == _info(tensors, name).shape
    ]
    return any(
        all(
            one.tobytes() == two.tobytes()
            for one, two in zip(tensors[name].chunks(name), tensors[other].chunks(other), strict=True)
        )
        for other in alike
    )


def _same(theirs: AdapterWeights, ours: AdapterWeights, name: str) -> bool:
    """Equal type and bits, so that NaN is equal to itself."""
    if theirs.info(name).dtype != ours.info(name).dtype:
        return False
    pieces = zip(theirs.chunks(name), ours.chunks(name), strict=True)
    return all(one.tobytes() == two.tobytes() for one, two in pieces)


def sums(name: str, theirs: AdapterWeights, ours: AdapterWeights, base: AdapterWeights | None) -> Sums:
    """Squared norms over one tensor, chunk by chunk; without a ``base`` both updates are the tensors themselves.

    Raises CannotRead.
    """
    import numpy

    found = Sums()
    began = base.chunks(name) if base is not None and _fits(name, base, ours) else None
    with numpy.errstate(over="ignore", invalid="ignore"):
        for one, two in zip(theirs.chunks(name), _as_stored(name, ours, theirs), strict=True):
            first, second = one.astype(numpy.float64), two.astype(numpy.float64)
            start = next(began).astype(numpy.float64) if began is not None else numpy.zeros(1)
            found.add(
                Sums(
                    _square(numpy.where(one == two, 0.0, first - second)),
                    _square(first - start),
                    _square(second - start),
                    _square(first),
                )
            )
    return found


def _fits(name: str, base: AdapterWeights, ours: AdapterWeights) -> bool:
    return base.info(name).shape == ours.info(name).shape and base.info(name).dtype in _FLOATS


def _square(array: "NDArray[Any]") -> float:
    return float((array * array).sum())


def _as_stored(name: str, ours: AdapterWeights, theirs: AdapterWeights) -> Iterator["NDArray[Any]"]:
    """Our tensor, rounded to the type in which theirs is stored."""
    dtype = theirs.info(name).dtype
    for chunk in ours.chunks(name):
        yield rounded(chunk, dtype) if dtype in SHORT and dtype != ours.info(name).dtype else chunk


def _coarse(theirs: Tensors, ours: Tensors, names: list[str], total: Sums) -> float:
    """What rounding to a shorter type moves at most, relative to the update."""
    types = [
        ROUNDED.get(_info(theirs, name).dtype, 0.0)
        for name in names
        if _info(theirs, name).dtype != _info(ours, name).dtype
    ]
    largest = max(total.theirs, total.ours)
    return 2 * max(types, default=0.0) * math.sqrt(total.weights / largest) if largest else 0.0
