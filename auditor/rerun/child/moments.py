"""Whether a state that was loaded fits the optimizer it was given to: names, shapes and types by parameter."""

from collections.abc import Mapping
from typing import Any

from .job import JobError


def require_same(optimizer: Any, of: str | None) -> None:
    """Raises JobError where an optimizer is of another class than the one that left a state (None left none)."""
    kind = type(optimizer)
    found = "bitsandbytes" if kind.__module__.startswith("bitsandbytes") else kind.__name__
    if of is not None and of != found:
        raise JobError(f"the committed state is that of {of}, the recipe's optimizer is {found}")


def require_fit(optimizer: Any) -> None:
    """Raises JobError naming the first tensor whose shape or type is not the one that a parameter needs."""
    number = 0
    for at, group in enumerate(optimizer.param_groups):
        for place, parameter in enumerate(group["params"]):
            state = _tensors(optimizer.state.get(parameter, {}))
            if state and type(optimizer).__module__.startswith("bitsandbytes"):
                _require(number, state, _begun(optimizer, group, parameter, at, place))
            elif state:
                _require(number, state, _needed(optimizer, group, tuple(parameter.shape), state))
            number += 1


def _tensors(state: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in state.items() if key != "step"}


Layout = Mapping[str, tuple[Any, tuple[int, ...]]]
"""Name -> type (None for any) and shape of every tensor that an optimizer keeps for a parameter."""


def _require(number: int, state: Mapping[str, Any], needed: Layout) -> None:
    for key in sorted(state.keys() | needed.keys()):
        if key not in needed or key not in state:
            word = "no" if key not in state else "a"
            raise JobError(f"the committed optimizer has {word} {key} for parameter {number}")
        dtype, shape = needed[key]
        found = state[key]
        if tuple(found.shape) != shape or (dtype is not None and found.dtype != dtype):
            says = f"{str(found.dtype).rpartition('.')[2]} of shape {list(found.shape)}"
            wanted = f"{str(dtype or found.dtype).rpartition('.')[2]} of shape {list(shape)}"
            raise JobError(f"{key} of parameter {number} is {says} in the committed optimizer, not {wanted}")


def _begun(optimizer: Any, group: Mapping[str, Any], parameter: Any, at: int, place: int) -> Layout:
    """What bitsandbytes itself begins with for a parameter: one or two states, in bytes or floats, and its blocks."""
    loaded, paged = optimizer.state.pop(parameter), optimizer.is_paged
    optimizer.is_paged = False  # its page manager would hold on to what is only looked at here
    try:
        optimizer.init_state(group, parameter, at, place)
        own = _tensors(optimizer.state.pop(parameter))
    finally:
        optimizer.is_paged, optimizer.state[parameter] = paged, loaded
    return {key: (item.dtype, tuple(item.shape)) for key, item in own.items()}


def _needed(
    optimizer: Any, group: Mapping[str, Any], shape: tuple[int, ...], state: Mapping[str, Any]
) -> Layout:
    if "RMS" in state:
        return _factored(shape)
    names = {
        "AdamW": ["exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group.get("amsgrad") else [])],
        "SGD": ["momentum_buffer"],
        "Adagrad": ["sum"],
        "RMSprop": [
            "square_avg",
            *(["momentum_buffer"] if group.get("momentum") else []),
            *(["grad_avg"] if group.get("centered") else []),
        ],
    }.get(type(optimizer).__name__, [])
    return dict.fromkeys(names, (None, shape))


def _factored(shape: tuple[int, ...]) -> Layout:
    """Adafactor's: rows and columns of a matrix, else the squares (transformers 5.23.0, optimization.py)."""
    if len(shape) < 2:
        return {"RMS": (None, ()), "exp_avg_sq": (None, shape)}
    rows, columns = shape[:-1], shape[:-2] + shape[-1:]
    return {"RMS": (None, ()), "exp_avg_sq_row": (None, rows), "exp_avg_sq_col": (None, columns)}
