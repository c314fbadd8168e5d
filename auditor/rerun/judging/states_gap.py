"""What a checkpoint holds besides weights: optimizer moments, scheduler, generators, counters, flops."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.rng_state import RngState
from auditor.artifacts.scaler_state import ScalerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.errors import CannotRead
from auditor.rerun.judging import moments
from auditor.rerun.judging.counters_gap import CLOSED_FORM, flops_gap, state_gap
from auditor.rerun.judging.gaps import Gap, Pair, both, missing, relative
from auditor.rerun.judging.precision import equal_bits
from auditor.rerun.judging.updated_gap import updated_gap
from auditor.rerun.judging.weights_gap import distance
from auditor.rerun.planning.shards import shards

GROUP_KEYS = (
    *("lr", "initial_lr", "betas", "eps", "weight_decay", "amsgrad", "maximize", "decoupled_weight_decay"),
    "params",
)
KERNEL_KEYS = ("foreach", "fused", "capturable", "differentiable")
"""Which of torch's kernels made the step; each gives the same up to rounding."""
DRAWN = 2
"""32-bit numbers that the CPU's generator gives for one element of a dropout mask (the fixture: nine steps of 128 ids
through 1,024 inputs move its generator by twice their product)."""


def optimizer_gap(pair: Pair) -> Gap | None:
    """optimizer.pt: step counts, hyperparameters, both moments of every parameter."""
    theirs, ours = pair.theirs.one(OptimizerState), pair.ours.one(OptimizerState)
    if theirs is None:
        why = pair.unread("optimizer.pt", "optimizer.bin") or shards(pair.contents, pair.theirs)
        return missing("optimizer", pair, pair.path("optimizer.pt"), why) if why else None
    if ours is None:
        return missing("optimizer", pair, theirs.path, "the rerun left no optimizer state at this step")
    if theirs.kind != ours.kind:
        says = f"it is the state of {theirs.kind}, the recipe's optimizer leaves that of {ours.kind}"
        return Gap("optimizer", pair.key, theirs.path, says, pair.step, distance=math.inf)
    try:
        return _moments(pair, theirs, ours)
    except CannotRead as error:
        return missing("optimizer", pair, theirs.path, f"{theirs.path} {error.reason}")


def _moments(pair: Pair, theirs: OptimizerState, ours: OptimizerState) -> Gap:
    hard = _counts(theirs, ours) or _groups(theirs.param_groups, ours.param_groups)
    if hard:
        spread = _regrouped(theirs.param_groups, ours.param_groups)
        gap = Gap("optimizer", pair.key, theirs.path, hard, pair.step, distance=math.inf, regrouped=spread)
        return replace(gap, more=_surplus(theirs, ours))
    gaps: dict[str, float] = {}
    same, made = True, {entry.index: entry for entry in ours.entries}
    for entry in theirs.entries:
        other = made[entry.index]
        for name in entry.tensors:
            same = same and equal_bits(theirs.array(entry.index, name), ours.array(entry.index, name))
        for name in moments.names(entry):
            one, two = moments.values(theirs, entry, name), moments.values(ours, other, name)
            gaps[f"parameter {entry.index}, {name}"] = distance(one, two)
    if not gaps:
        return missing("optimizer", pair, theirs.path, "it holds no moments to compare")
    where = max(gaps, key=lambda name: gaps[name])
    count = len(theirs.entries)
    words = "both moments" if len(gaps) == 2 * count else "the moments"
    says = f"{words} of {count} parameters are bit-equal" if same else f"{where} is {gaps[where]:.2g} away"
    kernel = _first_unlike(theirs.param_groups, ours.param_groups, KERNEL_KEYS)
    if kernel is not None:
        says += f"; {kernel}, which chooses a kernel"
    return Gap(
        "optimizer",
        pair.key,
        theirs.path,
        says,
        pair.step,
        same=same and kernel is None,
        distance=gaps[where],
        tensor=None if same else where,
    )


def _counts(theirs: OptimizerState, ours: OptimizerState) -> str | None:
    """The first difference in which parameters have a state, after how many steps, of what shape."""
    one, two = ({entry.index: entry for entry in state.entries} for state in (theirs, ours))
    if set(one) != set(two):
        return f"it holds the state of {len(one)} parameters, the recipe leaves that of {len(two)}"
    for index, entry in one.items():
        if entry.step != two[index].step:
            return (
                f"parameter {index} was updated {_times(entry.step)}, the rerun's {_times(two[index].step)}"
            )
        shapes = {name: tuple(ref.shape) for name, ref in entry.tensors.items()}
        expected = {name: tuple(ref.shape) for name, ref in two[index].tensors.items()}
        if shapes != expected:
            return f"the moments of parameter {index} have other shapes than the rerun's"
    return None


def _surplus(theirs: OptimizerState, ours: OptimizerState) -> int | None:
    """How many updates more every parameter had, where the settings and the parameters are the same."""
    one, two = ({entry.index: entry.step for entry in state.entries} for state in (theirs, ours))
    if one.keys() != two.keys() or _groups(theirs.param_groups, ours.param_groups) is not None:
        return None
    more = {(step or 0) - (two[index] or 0) for index, step in one.items()}
    return int(*more) if len(more) == 1 and all(map(math.isfinite, more)) else None


def _times(steps: float | None) -> str:
    return "no known number of times" if steps is None else f"{steps:g} times"


def _groups(theirs: Sequence[Mapping[str, object]], ours: Sequence[Mapping[str, object]]) -> str | None:
    if len(theirs) != len(ours):
        return f"it has {len(theirs)} parameter groups, the rerun's {len(ours)}"
    return _first_unlike(theirs, ours, GROUP_KEYS)


def _first_unlike(
    theirs: Sequence[Mapping[str, object]], ours: Sequence[Mapping[str, object]], keys: Sequence[str]
) -> str | None:
    for number, (one, two) in enumerate(zip(theirs, ours, strict=True)):
        for key in keys:
            if key not in one or key not in two or _agree(one[key], two[key]):
                continue
            if key == "params":
                return f"group {number} holds other parameters than the rerun's, or in another order"
            return f"{key} of group {number} is {one[key]}, the rerun's {two[key]}"
    return None


def _regrouped(theirs: Sequence[Mapping[str, object]], ours: Sequence[Mapping[str, object]]) -> str | None:
    """How many parameters each group has on both sides, where the same number of them is spread otherwise.

    The Trainer makes two groups, one for what decays and one for biases and norms (transformers 5.23.0, trainer.py,
    ``create_optimizer``).
    """
    sizes = [
        [len(p) if isinstance(p := group.get("params"), list | tuple) else 0 for group in groups]
        for groups in (theirs, ours)
    ]
    if sizes[0] == sizes[1] or sum(sizes[0]) != sum(sizes[1]):
        return None
    one, two = (" and ".join(map(str, size)) for size in sizes)
    return f"groups of {one} parameters where the Trainer makes {two}"


def _agree(one: object, two: object) -> bool:
    """Equal, or numbers within the slack of a closed form; sequences item by item."""
    if isinstance(one, list | tuple) and isinstance(two, list | tuple):
        return len(one) == len(two) and all(_agree(a, b) for a, b in zip(one, two, strict=True))
    if isinstance(one, int | float) and isinstance(two, int | float):
        return relative(one, two) <= CLOSED_FORM
    return one == two


def scheduler_gap(pair: Pair) -> Gap | None:
    """scheduler.pt: its step counts and learning rates, which are a closed form of the recipe."""
    found = both(pair, SchedulerState, "scheduler", "scheduler.pt", "left no scheduler state at this step")
    if not isinstance(found, tuple):
        return found
    theirs, ours = found
    counted = [("_step_count", theirs.step_count, ours.step_count)] if theirs.step_count is not None else []
    fields = (
        ("last_epoch", theirs.last_epoch, ours.last_epoch),
        *counted,
        ("base_lrs", theirs.base_lrs, ours.base_lrs),
        ("_last_lr", theirs.last_lr, ours.last_lr),
    )
    for name, one, two in fields:
        if not _agree(one, two):
            says = f"{name} is {_plain(one)}, the rerun's {_plain(two)}"
            return Gap("scheduler", pair.key, theirs.path, says, pair.step, distance=math.inf)
    same = all(one == two for _, one, two in fields)
    *names, last = (name for name, _, _ in fields)
    says = f"{', '.join(names)} and {last} are equal" + ("" if same else " up to the last bits")
    return Gap(
        "scheduler",
        pair.key,
        theirs.path,
        says,
        pair.step,
        same=same,
        distance=0.0 if same else CLOSED_FORM,
        slack=CLOSED_FORM,
    )


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def rng_gap(pair: Pair) -> Gap | None:
    """rng_state.pth: torch's generator, and those of Python and NumPy, which training itself does not use."""
    found = both(pair, RngState, "rng", "rng_state.pth", "left no generator state at this step")
    if not isinstance(found, tuple):
        return found
    theirs, ours = found
    if theirs.cpu != ours.cpu:
        seeds = (
            f"seed {theirs.cpu_seed} for {ours.cpu_seed}"
            if theirs.cpu_seed != ours.cpu_seed
            else "other draws"
        )
        says = f"torch's generator is in another state ({seeds})"
        return _elsewhere(pair, theirs, ours, says)
    if theirs.cuda and ours.cuda and theirs.cuda != ours.cuda:
        return _elsewhere(pair, theirs, ours, "the GPU's generator is in another state")
    others = [
        name
        for name, one, two in (("Python", theirs.python, ours.python), ("NumPy", theirs.numpy, ours.numpy))
        if one != two
    ]
    if others:
        unused = " and ".join(others)
        says = f"torch's generator is bit-equal; that of {unused}, which training does not use, is not"
        return Gap("rng", pair.key, theirs.path, says, pair.step, distance=0.0)
    says = "the generators of torch, Python and NumPy are in the same state"
    if bool(theirs.cuda) != bool(ours.cuda):
        which = "a GPU's is committed" if theirs.cuda else "no GPU's is committed"
        says = f"{says}; {which}, and this machine's training {'left none' if theirs.cuda else 'left one'}"
    same = bool(theirs.cuda) == bool(ours.cuda)
    return Gap("rng", pair.key, theirs.path, says, pair.step, same=same, distance=0.0)


def _elsewhere(pair: Pair, theirs: RngState, ours: RngState, says: str) -> Gap:
    """A generator in another state, and by how many numbers it stands further in its stream.

    Dropout before an adapted module draws for each of its inputs and each id of a batch: a multiple of all inputs is
    told in ids. It decides nothing: a callback that samples may draw as many.
    """
    from auditor.rerun.judging.draws import further

    more = further(theirs, ours)
    adapter = pair.ours.one(AdapterWeights)
    inputs = (
        sum(item.a.shape[-1] for item in adapter.pairs().values() if item.a is not None) if adapter else 0
    )
    an_id = DRAWN * inputs
    if more and theirs.cpu != ours.cpu and an_id and more % an_id == 0:
        says = f"{says}: as many draws more as dropout takes for {more // an_id:+,} ids"
    return Gap("rng", pair.key, theirs.path, says, pair.step, distance=math.inf, more=more)


def scaler_gap(pair: Pair) -> Gap | None:
    """scaler.pt: the scale of fp16 training, which doubles and halves with overflows alone."""
    found = both(pair, ScalerState, "scaler", "scaler.pt", "has no gradient scaler, as on a CPU")
    if not isinstance(found, tuple):
        return found
    theirs, ours = found
    for name, one, two in (
        ("scale", theirs.scale, ours.scale),
        ("_growth_tracker", theirs.growth_tracker, ours.growth_tracker),
    ):
        if one != two:
            says = f"{name} is {one}, the rerun's {two}"
            return Gap("scaler", pair.key, theirs.path, says, pair.step, distance=math.inf)
    says = "scale and growth tracker are equal"
    return Gap("scaler", pair.key, theirs.path, says, pair.step, same=True, distance=0.0)


def state_gaps(pair: Pair) -> Iterator[Gap]:
    """Everything of one folder but its weights and curves."""
    for measure in (updated_gap, optimizer_gap, scheduler_gap, rng_gap, scaler_gap, state_gap, flops_gap):
        found = measure(pair)
        if found is not None:
            yield found
