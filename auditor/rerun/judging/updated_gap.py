"""How many parameters were updated: the modules of an adapter that training moved away from where they began."""

import math
from typing import TYPE_CHECKING, Any

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare._rounding import rounded
from auditor.errors import CannotRead
from auditor.rerun.judging.gaps import Gap, Pair, missing

if TYPE_CHECKING:
    from numpy.typing import NDArray


def updated_gap(pair: Pair) -> Gap | None:
    """Modules whose lora_B is no longer zero, on both sides; None where no adapter of that kind was committed.

    PEFT begins with lora_B = 0, so a module of zeros got no gradient or no step (tuners/lora/layer.py,
    ``reset_lora_parameters``). Basis, rounding and rescaling of an adapter leave that as it is; a number of ours that a
    shorter type stores as 0 counts as 0.
    """
    theirs, ours = pair.theirs.one(AdapterWeights), pair.ours.one(AdapterWeights)
    if theirs is None or not theirs.pairs():
        return None
    if ours is None:
        return missing("parameters", pair, theirs.path, "the rerun left no adapter at this step")
    try:
        return _counted(pair, theirs, ours)
    except CannotRead as error:
        return missing("parameters", pair, theirs.path, f"{theirs.path} {error.reason}")


def _counted(pair: Pair, theirs: AdapterWeights, ours: AdapterWeights) -> Gap | None:
    modules = [module for module in theirs.pairs() if module in ours.pairs()]
    if not modules:
        return missing("parameters", pair, theirs.path, "the rerun adapts other modules")
    mine = {module for module in modules if _moved(theirs, module, None)}
    made = {module for module in modules if _moved(ours, module, _stored(theirs, module))}
    first = next((module for module in modules if (module in mine) != (module in made)), None)
    says = f"{_size(theirs, mine):,} parameters were updated, in {len(mine)} of {len(modules)} modules"
    if first is None:
        same = f"{says}, as in the rerun"
        return Gap("parameters", pair.key, theirs.path, same, pair.step, same=True, distance=0.0, noisy=False)
    which = "was never updated" if first in made else "was updated and the rerun leaves it alone"
    says = f"{says}, by the rerun {_size(ours, made):,} in {len(made)}; {first} {which}"
    return Gap(
        "parameters", pair.key, theirs.path, says, pair.step, distance=math.inf, noisy=False, module=first
    )


def _factor(weights: AdapterWeights, module: str) -> str | None:
    found = weights.pairs()[module].b
    return None if found is None else found.name


def _stored(weights: AdapterWeights, module: str) -> str | None:
    name = _factor(weights, module)
    return None if name is None else weights.info(name).dtype


def _moved(weights: AdapterWeights, module: str, dtype: str | None) -> bool:
    name = _factor(weights, module)
    return name is not None and any(_kept(chunk, dtype).any() for chunk in weights.chunks(name))


def _kept(chunk: "NDArray[Any]", dtype: str | None) -> "NDArray[Any]":
    return rounded(chunk, dtype) if dtype in ("F16", "BF16") and chunk.dtype.itemsize > 2 else chunk


def _size(weights: AdapterWeights, modules: set[str]) -> int:
    """Elements of both factors of some modules."""
    pairs = weights.pairs()
    return sum(
        math.prod(info.shape)
        for module in modules
        for info in (pairs[module].a, pairs[module].b)
        if info is not None
    )
