"""Adapters of two trainings: by bits, then by effective update; and the seed, by modules never updated."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._same_bytes import same_tensor
from auditor.compare.adapters import compare
from auditor.compare.reach import ROUNDED
from auditor.compare.rewritten import is_for_the_plain_base
from auditor.errors import CannotRead
from auditor.model import AdapterComparison
from auditor.rerun.judging.converted_gap import SAME_UPDATE, converted_gap
from auditor.rerun.judging.gaps import Gap, Pair, missing
from auditor.rerun.judging.model_gap import model_gap
from auditor.rerun.judging.precision import SHORT, as_held, coarse, equal_bits, held, held_by
from auditor.rerun.outputs import Output
from auditor.runs import Folder, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAMES = ("adapter_model.safetensors", "adapter_model.bin")
_FACTOR = 1e-3
"""A factor nearer to 1 is said by the distance alone."""


def weights_gap(pair: Pair, start: Folder | None = None) -> Gap | None:
    """The adapter of one folder, or its whole model; None when neither was committed there.

    ``start`` is the adapter before the first step, from which PEFT's conversion for a plain base measures.
    """
    theirs, ours = pair.theirs.one(AdapterWeights), pair.ours.one(AdapterWeights)
    if theirs is None:
        why = pair.unread(*_NAMES)
        return missing("weights", pair, pair.path(_NAMES[0]), why) if why else model_gap(pair)
    config, made = pair.theirs.one(AdapterConfig), pair.ours.one(AdapterConfig)
    if ours is None or made is None:
        return missing("weights", pair, theirs.path, "the rerun left no adapter at this step")
    if config is None:
        return missing("weights", pair, theirs.path, "there is no readable adapter_config.json beside it")
    try:
        if is_for_the_plain_base(config, made):
            return converted_gap(pair, (theirs, config), (ours, made), start)
        return _measured(pair, theirs, config, ours, made)
    except CannotRead as error:
        return missing("weights", pair, theirs.path, f"{theirs.path} {error.reason}")


def _measured(
    pair: Pair, theirs: AdapterWeights, config: AdapterConfig, ours: AdapterWeights, made: AdapterConfig
) -> Gap:
    different = structure(theirs, ours) or _hole(theirs, ours)
    if different is not None:
        tensor, says = different
        return Gap("weights", pair.key, theirs.path, says, pair.step, distance=math.inf, tensor=tensor)
    other = _scale(config, made, theirs)
    if other is not None:
        return _rescaled(_by_effect(pair, theirs, ours, compare(theirs, config, ours, made)), other)
    if same_bits(theirs, ours):
        says = f"all {len(theirs.tensors)} tensors are bit-equal"
        return Gap("weights", pair.key, theirs.path, says, pair.step, same=True, distance=0.0)
    if all(_equal_as_stored(theirs, ours, name) for name in _compared(theirs, ours)):
        found = {held_by(theirs, name) for name in theirs.tensors}
        types = " and ".join(sorted(found & set(SHORT)))
        says = f"all {len(theirs.tensors)} tensors are bit-equal once rounded to {types}"
        return Gap("weights", pair.key, theirs.path, says, pair.step, distance=0.0)
    return _by_effect(pair, theirs, ours, compare(theirs, config, ours, made))


def structure(theirs: AdapterWeights, ours: AdapterWeights) -> tuple[str | None, str] | None:
    """The first tensor that only one side has or whose shape differs, with a sentence; None for none.

    Copies of base layers do not count: PEFT adds them by its own rules.
    """
    copies = _copies(theirs, ours)
    for name in sorted((set(theirs.tensors) ^ set(ours.tensors)) - copies):
        where = "is committed and not made by the recipe" if name in theirs.tensors else "is not committed"
        return name, f"tensor {name} {where}"
    for name, info in theirs.tensors.items():
        if name in copies:
            continue
        shape = ours.info(name).shape
        if info.shape != shape:
            return name, f"{name} has shape {list(info.shape)}, the recipe makes {list(shape)}"
    return None


def same_bits(theirs: AdapterWeights, ours: AdapterWeights) -> bool:
    """Whether every tensor has the same type, shape and bits. Raises CannotRead."""
    return all(same_tensor(theirs, ours, name) for name in _compared(theirs, ours))


def unmoved(start: Folder, folder: Folder) -> bool:
    """Whether a folder's adapter has the bits of the one before the first step; False where either is not known."""
    one, two = start.one(AdapterWeights), folder.one(AdapterWeights)
    try:
        return (
            one is not None
            and two is not None
            and set(one.tensors) == set(two.tensors)
            and same_bits(one, two)
        )
    except CannotRead:
        return False


def _compared(theirs: AdapterWeights, ours: AdapterWeights) -> list[str]:
    """The tensors both sides have, without copies of base layers."""
    copies = _copies(theirs, ours)
    return [name for name in theirs.tensors if name in ours.tensors and name not in copies]


def _copies(*both: AdapterWeights) -> set[str]:
    """Copies of base layers. A bias is saved where it is trained (peft 0.21.2, utils/save_and_load.py)."""
    return {name for weights in both for name in weights.base_layers() if not name.endswith(".bias")}


def _equal_as_stored(theirs: AdapterWeights, ours: AdapterWeights, name: str) -> bool:
    """Whether a tensor of ours, rounded to the type theirs is stored in, has the same values."""
    if same_tensor(theirs, ours, name):
        return True
    dtype = held_by(theirs, name)
    return dtype in SHORT and all(
        equal_bits(one, as_held(dtype, two).astype(one.dtype))
        for one, two in zip(theirs.chunks(name), ours.chunks(name), strict=True)
    )


def _scale(config: AdapterConfig, made: AdapterConfig, theirs: AdapterWeights) -> str | None:
    """That an adapter is scaled otherwise, which factors of another length may make up for."""
    for module in theirs.pairs():
        one, two = config.scaling_of(module), made.scaling_of(module)
        if one != two and not (math.isnan(one) and math.isnan(two)):
            return f"{config.path} scales {module} by {one:g}, the recipe by {two:g}"
    return None


def _rescaled(gap: Gap, says: str) -> Gap:
    """The gap of updates that are scaled otherwise. Where these cannot be compared, nothing makes up for the scale."""
    distance = math.inf if gap.distance is None else gap.distance
    return replace(gap, says=f"{says}; {gap.says}", distance=distance)


def _hole(theirs: AdapterWeights, ours: AdapterWeights) -> tuple[str | None, str] | None:
    """The first tensor with NaN or infinity on their side only."""
    for name in theirs.tensors:
        if theirs.extremes(name).bad and name in ours.tensors and not ours.extremes(name).bad:
            return name, f"{name} holds NaN or infinity, the rerun's does not"
    return None


def _by_effect(pair: Pair, theirs: AdapterWeights, ours: AdapterWeights, compared: AdapterComparison) -> Gap:
    if compared.relative_distance is None or compared.uncompared:
        why = compared.why or "the effective updates cannot be compared"
        return missing("weights", pair, theirs.path, why)
    worst = max(compared.modules, key=lambda item: item.relative_distance, default=None)
    module = worst.module if worst else None
    says = f"the effective update is {compared.relative_distance:.2g} away"
    if worst is not None:
        says += f", {worst.relative_distance:.2g} in {worst.module}"
    if compared.relation == "scaled" and compared.scale and abs(1 / compared.scale - 1) >= _FACTOR:
        # `scale` is the second's length over the first's, and the committed one is the first.
        says += f"; it is the rerun's times {1 / compared.scale:.4g}"
    return Gap(
        "weights",
        pair.key,
        theirs.path,
        says,
        pair.step,
        distance=compared.relative_distance,
        slack=SAME_UPDATE,
        coarse=coarse(theirs, compared),
        module=module,
        tensor=_farthest(theirs, ours, module),
    )


def _farthest(theirs: AdapterWeights, ours: AdapterWeights, module: str | None) -> str | None:
    """The factor of a module that moved most, relative to its own norm."""
    pair = theirs.pairs().get(module) if module is not None else None
    names = [info.name for info in (pair.a, pair.b) if info is not None] if pair else []
    return max(names, key=lambda name: distance(theirs.array(name), ours.array(name)), default=None)


def distance(one: "NDArray[Any]", two: "NDArray[Any]") -> float:
    """|one - two| / max(|one|, |two|), Frobenius in float64: 0 for two zeros, infinite for NaN in one."""
    import numpy

    first, second = one.astype(numpy.float64).ravel(), two.astype(numpy.float64).ravel()
    if first.shape != second.shape:
        return math.inf
    holes = ~numpy.isfinite(first), ~numpy.isfinite(second)
    if holes[0].any() or holes[1].any():
        return 0.0 if equal_bits(one, two) else math.inf
    largest = max(float(numpy.linalg.norm(first)), float(numpy.linalg.norm(second)))
    return float(numpy.linalg.norm(first - second)) / largest if largest else 0.0


def init_gap(run: Run, pair: Pair, rerun: Output) -> Iterator[Gap]:
    """lora_A of modules that training never touched: their committed values are the initial ones.

    A module counts when lora_B is exactly zero on both sides, so that both agree it was never updated; AdamW
    leaves a parameter without gradient alone (torch, optim/adamw.py).
    """
    theirs, ours, start = (folder.one(AdapterWeights) for folder in (pair.theirs, pair.ours, rerun.initial))
    if theirs is None or ours is None or start is None:
        return
    try:
        known = start.tensors.keys() & set(_idle(ours))
        unused = [name for name in _idle(theirs) if name in known]
        yield _init(pair, theirs, start, unused)
    except CannotRead as error:
        yield missing("init", pair, theirs.path, f"{theirs.path} {error.reason}")


def _init(pair: Pair, theirs: AdapterWeights, start: AdapterWeights, unused: list[str]) -> Gap:
    if not unused:
        return missing(
            "init", pair, theirs.path, "training updated every module, so no initial value is left to compare"
        )
    drawn = {name: _drawn(theirs, start, name) for name in unused}
    equal = [name for name in unused if equal_bits(*drawn[name])]
    says = (
        f"{len(equal)} of {len(unused)} untouched lora_A are bit-equal to those drawn from the declared seed"
    )
    telling = [name for name in unused if name in equal or not _fits_any_seed(drawn[name][0])]
    if not telling:
        return missing("init", pair, theirs.path, f"{says}, and the others would fit any seed")
    slack = max(2 * ROUNDED.get(theirs.info(name).dtype, 0.0) for name in telling)
    gaps = {name: distance(*drawn[name]) for name in telling}
    if max(gaps.values()) > slack:
        outside = {name: _outside(*drawn[name]) for name in telling}
        if max(outside.values()) <= max(slack, SAME_UPDATE):
            gaps, slack, says = outside, max(slack, SAME_UPDATE), f"{says}, the others but for their basis"
    worst = max(gaps, key=lambda name: gaps[name])
    return Gap(
        "init",
        pair.key,
        theirs.path,
        says,
        0,
        same=len(equal) == len(unused),
        distance=gaps[worst],
        slack=slack,
        noisy=False,
        module=theirs.module_of(worst),
        tensor=worst,
    )


def _drawn(theirs: AdapterWeights, start: AdapterWeights, name: str) -> "tuple[NDArray[Any], NDArray[Any]]":
    """A committed tensor, and what was drawn, rounded where the committed one is.

    PEFT draws in float32 and moves what it drew to the base's type and back (peft 0.21.2, tuners/lora/layer.py
    ``update_layer``, tuners/tuners_utils.py ``cast_adapter_dtype``).
    """
    values = theirs.array(name)
    return values, as_held(held(theirs.info(name).dtype, values), start.array(name))


def _outside(one: "NDArray[Any]", two: "NDArray[Any]") -> float:
    """The share of ``one`` outside the rows of ``two``: 0 for M x two, the same initial values in another basis."""
    import numpy

    if one.ndim != 2 or one.shape != two.shape or not numpy.isfinite(one).all():
        return math.inf
    whole = float(numpy.linalg.norm(one.astype(numpy.float64)))
    axes, _ = numpy.linalg.qr(two.astype(numpy.float64).T)
    rest = one - (one @ axes) @ axes.T
    return float(numpy.linalg.norm(rest)) / whole if whole else 0.0


def _fits_any_seed(values: "NDArray[Any]") -> bool:
    """Whether every seed's draws span these rows: they are zero, or as many as there are columns."""
    return not values.any() or values.shape[0] >= values.shape[1]


def _idle(weights: AdapterWeights) -> list[str]:
    """Names of the lora_A whose lora_B is exactly zero."""
    return [
        pair.a.name
        for pair in weights.pairs().values()
        if pair.a is not None and pair.b is not None and weights.is_zero(pair.b.name)
    ]
