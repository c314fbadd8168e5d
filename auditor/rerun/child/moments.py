"""Whether a state that was loaded fits the optimizer it was given to: names, shapes and types by parameter."""

from collections.abc import Mapping
from typing import Any

from .job import JobError
from .libraries import torch

_BLOCK, _LEVELS = 256, 256
"""Elements that share one factor, and values a byte stands for (bitsandbytes 0.50.2, optim/optimizer.py)."""


def require_same(optimizer: Any, of: str | None) -> None:
    """Raises JobError where an optimizer is of another class than the one that left a state (None left none)."""
    kind = type(optimizer)
    found = "bitsandbytes" if kind.__module__.startswith("bitsandbytes") else kind.__name__
    if of is not None and of != found:
        raise JobError(f"the committed state is that of {of}, the recipe's optimizer is {found}")


def require_fit(optimizer: Any) -> None:
    """Raises JobError naming the first tensor whose shape or type is not the one that a parameter needs."""
    number = 0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = {key: item for key, item in optimizer.state.get(parameter, {}).items() if key != "step"}
            if state:
                _require(number, state, _needed(optimizer, group, parameter, state))
            number += 1


def _require(
    number: int, state: Mapping[str, Any], needed: Mapping[str, tuple[Any, tuple[int, ...]]]
) -> None:
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


def _needed(
    optimizer: Any, group: Mapping[str, Any], parameter: Any, state: Mapping[str, Any]
) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Name -> type (None for any) and shape of every tensor that an optimizer keeps for a parameter."""
    shape = tuple(parameter.shape)
    if type(optimizer).__module__.startswith("bitsandbytes"):
        return _numbered(optimizer, group, parameter)
    if "RMS" in state:
        return _factored(group, shape)
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


def _factored(group: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Adafactor's: rows and columns of a matrix, else the squares (transformers 5.23.0, optimization.py)."""
    found: dict[str, tuple[Any, tuple[int, ...]]] = {"RMS": (None, ())}
    if len(shape) >= 2:
        found |= {"exp_avg_sq_row": (None, shape[:-1]), "exp_avg_sq_col": (None, shape[:-2] + shape[-1:])}
    else:
        found["exp_avg_sq"] = (None, shape)
    return found


def _numbered(
    optimizer: Any, group: Mapping[str, Any], parameter: Any
) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """bitsandbytes': one or two states, in bytes from ``min_8bit_size`` elements on where 8 bits were asked for."""
    shape, size = tuple(parameter.shape), parameter.numel()
    arguments = optimizer.args
    small = arguments.optim_bits == 8 and size >= arguments.min_8bit_size
    twice = (
        (2,) if len(group["betas"]) == 3 else ()
    )  # AdEMAMix keeps two means in one tensor (optim/ademamix.py)
    two = any(kind.__name__ == "Optimizer2State" for kind in type(optimizer).__mro__)
    blocks = -(-size // _BLOCK)
    found: dict[str, tuple[Any, tuple[int, ...]]] = {}
    for number, more in (("1", twice), ("2", ())) if two else (("1", twice),):
        found[f"state{number}"] = (torch.uint8 if small else torch.float32, (*more, *shape))
        if small:
            found[f"absmax{number}"] = (torch.float32, (*more, blocks))
            found[f"qmap{number}"] = (torch.float32, (_LEVELS,))
    return found
