"""Tensors of an adapter besides its factors: modules saved whole, biases, DoRA's magnitudes, copies of the base."""

import math

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.reach import ROUNDED
from auditor.errors import CannotRead
from auditor.rerun.judging.gaps import OUTSIDE, Gap, Pair
from auditor.rerun.judging.model_gap import sums
from auditor.rerun.judging.precision import held_by
from auditor.runs import Folder

SAME = 1e-6
"""Relative distance that rounding of float32 alone makes."""


def outside_gap(pair: Pair, start: Folder, *, always: bool = False) -> Gap | None:
    """The tensor that differs most, relative to how far it moved from ``start``; None where all bits are equal.

    A tensor that ``start`` does not hold, or that nobody moved, is held against its own length. With ``always`` equal
    ones give a gap of 0 too. None as well where `weights_gap` tells already why nothing can be compared.
    """
    theirs, ours = pair.theirs.one(AdapterWeights), pair.ours.one(AdapterWeights)
    if theirs is None or ours is None:
        return None
    try:
        return _farthest(pair, theirs, ours, start.one(AdapterWeights), always=always)
    except CannotRead:
        return None


def outside(weights: AdapterWeights) -> list[str]:
    """Names of the tensors that are no factor of an update, copies of base layers included."""
    pairs = weights.pairs().values()
    factors = {info.name for pair in pairs for info in (pair.a, pair.b) if info is not None}
    return [name for name in weights.tensors if name not in factors]


def _farthest(
    pair: Pair, theirs: AdapterWeights, ours: AdapterWeights, start: AdapterWeights | None, *, always: bool
) -> Gap | None:
    found: tuple[float, float, str] | None = None
    for name in outside(theirs):
        if name in ours.tensors and theirs.info(name).shape == ours.info(name).shape:
            distance, coarse = _apart(name, theirs, ours, start)
            if (distance or always) and (found is None or distance - coarse > found[0] - found[1]):
                found = distance, coarse, name
    if found is None:
        return None
    distance, coarse, name = found
    return Gap(
        "weights",
        pair.key + OUTSIDE,
        theirs.path,
        f"{name}, which is no factor of an update, is {distance:.2g} away",
        pair.step,
        distance=distance,
        slack=SAME,
        coarse=coarse,
        tensor=name,
    )


def _apart(
    name: str, theirs: AdapterWeights, ours: AdapterWeights, start: AdapterWeights | None
) -> tuple[float, float]:
    """How far apart a tensor is, and what its type rounds away of that."""
    base = start if start is not None and name in start.tensors else None
    total = sums(name, theirs, ours, base)
    if not total.apart:
        return 0.0, 0.0
    if not all(map(math.isfinite, (total.apart, total.theirs, total.ours))):
        return math.inf, 0.0
    measure = max(total.theirs, total.ours) if base is not None and total.ours else total.weights
    if not measure:
        return math.inf, 0.0
    lost = ROUNDED.get(held_by(theirs, name), 0.0)
    return math.sqrt(total.apart / measure), lost * math.sqrt(total.weights / measure)
