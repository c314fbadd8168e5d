"""optimizer.pt, told parameter by parameter: whose state it is, how often it was stepped, how large its moments are."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState, ParamState
from auditor.compare._moment_norms import norms_of
from auditor.compare._optimizer_kinds import OptimizerKind, kind_of
from auditor.compare._parameter_names import Shape, matched
from auditor.errors import CannotRead

_NAMED = 1000
"""Most never-updated parameters that are listed by name."""
_KEPT = frozenset({"params", "param_names", "lr", "initial_lr", "weight_decay", "betas", "eps"})


@dataclass(frozen=True, slots=True)
class ParameterDescription:
    """One parameter of the optimizer, by its ``index`` over all groups.

    ``tensor`` is the adapter's tensor (see `OptimizerDescription.matched`), ``shape`` the parameter's shape as its
    state tells it, ``step`` how often it was updated, ``states`` the shape and ``dtypes`` the dtype of each state
    tensor by name. ``norms`` are Euclidean norms of the moments, by name, in float64: of gradients for ``exp_avg``, of
    their squares for ``exp_avg_sq``; empty unless asked for and decoded, NaN or inf where the moments hold such.
    """

    index: int
    tensor: str | None
    group: int | None
    shape: Shape | None
    step: float | None
    states: Mapping[str, Shape]
    dtypes: Mapping[str, str]
    norms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class GroupDescription:
    """One parameter group; a setting it does not have is None, ``settings`` are all others as the file has them."""

    parameters: int
    lr: float | None
    initial_lr: float | None
    weight_decay: float | None
    betas: tuple[float, ...]
    eps: float | None
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class OptimizerDescription:
    """An optimizer's state.

    ``kind`` is the algorithm (adamw, adamw 8-bit, lion, adafactor, muon, sgd, galore, ..., unknown), ``says`` the
    sentence about it. ``decoded`` is False where the moments are not plain numbers, ``why`` then ends the sentence
    "its states are not decoded, because". ``parameters`` are those with a state, by index; ``listed`` counts all.
    ``never_updated`` names those without a state ("parameter 3" where the tensor is not known; at most 1,000).
    ``without_gradient`` names those that were stepped and whose second moment is zero throughout: no gradient but zero
    ever reached them (lora_A has none in the first step, lora_B being zero); () unless norms were asked for.
    ``steps`` is the histogram of step counts, (count of updates, parameters), ascending. ``matched`` says by what
    parameters were named ("" where they were not): shapes always fit, and tensors of one shape next to each other may
    be exchanged unless it is "the names in the file". ``mismatches`` are sentences about what does not fit.
    ``first`` and ``second`` name the state tensors with the means of gradients and of their squares (``exp_avg`` and
    ``exp_avg_sq``, ``state1`` and ``state2``, ``momentum_buffer`` and None, ...).
    """

    path: str
    kind: str
    says: str
    decoded: bool
    why: str | None
    listed: int
    parameters: tuple[ParameterDescription, ...]
    never_updated: tuple[str, ...]
    without_gradient: tuple[str, ...]
    steps: tuple[tuple[float, int], ...]
    groups: tuple[GroupDescription, ...]
    matched: str
    mismatches: tuple[str, ...]
    first: str | None
    second: str | None


def describe_optimizer(
    optimizer: OptimizerState,
    weights: AdapterWeights | None = None,
    *,
    modules: Sequence[str] = (),
    norms: bool = False,
) -> OptimizerDescription:
    """One optimizer.pt, its parameters named by the adapter of the same folder. Never raises.

    ``modules`` are the base model's module names in its own order, where known (`module_order`). ``norms`` reads every
    decoded moment, a million elements at a time: half a second for 240 MB.
    """
    kind = kind_of(optimizer)
    groups = [_indices(group) for group in optimizer.param_groups]
    where = {index: number for number, group in enumerate(groups) for index in group}
    shapes = {entry.index: shape_of(entry, kind) for entry in optimizer.entries}
    names = matched(groups, _own_names(optimizer), shapes, weights, modules)
    parameters, unread = [], dict[str, None]()
    for entry in optimizer.entries:
        found: dict[str, float] = {}
        if norms and kind.why is None:
            try:
                found = norms_of(optimizer, entry, kind)
            except CannotRead as error:
                unread[f"moments were not read: {optimizer.path} {error.reason}"] = None
        parameters.append(_parameter(entry, names.names.get(entry.index), where, shapes, found))
    return OptimizerDescription(
        path=optimizer.path,
        kind=kind.name,
        says=_sentence(kind),
        decoded=kind.why is None,
        why=kind.why,
        listed=optimizer.parameter_count,
        parameters=tuple(parameters),
        never_updated=_never_updated(optimizer, groups, names.names),
        without_gradient=tuple(
            one.tensor or f"parameter {one.index}"
            for one in parameters
            if one.norms.get(kind.second or "") == 0.0
        )[:_NAMED],
        steps=tuple(sorted(Counter(e.step for e in optimizer.entries if e.step is not None).items())),
        groups=tuple(_group(group) for group in optimizer.param_groups),
        matched=names.by,
        mismatches=(*names.faults, *_unlisted(optimizer, where), *list(unread)[:3]),
        first=kind.first,
        second=kind.second,
    )


def _never_updated(
    optimizer: OptimizerState, groups: Sequence[Sequence[int]], names: Mapping[int, str]
) -> tuple[str, ...]:
    """Listed parameters without a state; () for an optimizer that keeps none at all."""
    stepped = {entry.index for entry in optimizer.entries}
    idle = [index for group in groups for index in group if index not in stepped]
    return tuple(names.get(index, f"parameter {index}") for index in idle[:_NAMED]) if stepped else ()


def _sentence(kind: OptimizerKind) -> str:
    if kind.why is None:
        return f"the state of {kind.words}"
    return f"the state of {kind.words}; its states are not decoded, because {kind.why}"


def shape_of(entry: ParamState, kind: OptimizerKind) -> Shape | None:
    """The parameter's shape, by the state tensors that share it or by Adafactor's rows and columns; None else."""
    tensors = entry.tensors
    if kind.name.startswith("ademamix") and "state2" in tensors:
        # Its first state stacks the fast and the slow mean (bitsandbytes 0.50.2, optim/ademamix.py).
        return tensors["state2"].shape
    found = next((tensors[name].shape for name in kind.shaped if name in tensors), None)
    if found is not None:
        return found
    for row, column in (("exp_avg_sq_row", "exp_avg_sq_col"), ("row_var", "col_var")):
        if row in tensors and column in tensors and tensors[row].shape and tensors[column].shape:
            rows = tensors[row].shape[:-1] if row == "row_var" else tensors[row].shape
            return (*rows, tensors[column].shape[-1])
    return None


def _parameter(
    entry: ParamState,
    name: str | None,
    where: Mapping[int, int],
    shapes: Mapping[int, Shape | None],
    norms: Mapping[str, float],
) -> ParameterDescription:
    states = {key: ref.shape for key, ref in entry.tensors.items()}
    dtypes = {key: ref.dtype for key, ref in entry.tensors.items()}
    index = entry.index
    return ParameterDescription(
        index, name, where.get(index), shapes.get(index), entry.step, states, dtypes, norms
    )


def _indices(group: Mapping[str, object]) -> list[int]:
    params = group.get("params")
    return [index for index in params if isinstance(index, int)] if isinstance(params, list) else []


def _own_names(optimizer: OptimizerState) -> dict[int, str]:
    """``param_names`` of torch 2.6 and newer, which an optimizer made from named parameters keeps."""
    found: dict[int, str] = {}
    for group in optimizer.param_groups:
        names = group.get("param_names")
        indices = _indices(group)
        if isinstance(names, list) and len(names) == len(indices):
            found.update({i: n for i, n in zip(indices, names, strict=True) if isinstance(n, str)})
    return found


def _unlisted(optimizer: OptimizerState, where: Mapping[int, int]) -> Iterator[str]:
    unknown = sum(entry.index not in where for entry in optimizer.entries)
    if unknown:
        yield f"{unknown:,} states belong to parameters that no group lists"


def _group(group: Mapping[str, object]) -> GroupDescription:
    betas = group.get("betas")
    return GroupDescription(
        len(_indices(group)),
        _number(group.get("lr")),
        _number(group.get("initial_lr")),
        _number(group.get("weight_decay")),
        tuple(b for item in betas if (b := _number(item)) is not None) if isinstance(betas, list) else (),
        _number(group.get("eps")),
        {key: value for key, value in group.items() if key not in _KEPT},
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
