"""The moments of an optimizer's state as plain numbers, those kept in bytes decoded, for a comparison of two states."""

from typing import TYPE_CHECKING, Any

from auditor.artifacts.optimizer_state import OptimizerState, ParamState
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NOT_MOMENTS = ("qmap1", "qmap2", "absmax1", "absmax2", "RMS")
"""Tables and factors of bytes, and the size of a parameter, which follows from its weights."""
_BLOCKS, _LEVELS = (256, 2048), 256
"""Elements that share a factor (bitsandbytes 0.50.2, optim/optimizer.py, `init_state`; older ones), its levels."""


def names(entry: ParamState) -> tuple[str, ...]:
    """The moments of a parameter by the names of their tensors, in order."""
    return tuple(sorted(name for name in entry.tensors if name not in _NOT_MOMENTS))


def values(state: OptimizerState, entry: ParamState, name: str) -> "NDArray[Any]":
    """A moment in its own type; one kept in bytes as float32, ``qmap[byte] * absmax[block]``, flat.

    Source: bitsandbytes 0.50.2, functional.py, `dequantize_blockwise`. Raises CannotRead for bytes without them.
    """
    kept = state.array(entry.index, name)
    if entry.tensors[name].dtype != "uint8":
        return kept
    import numpy

    number = name.removeprefix("state")
    table, factors = state.array(entry.index, f"qmap{number}"), state.array(entry.index, f"absmax{number}")
    rows = (
        factors.shape[0] if factors.ndim == 2 else 1
    )  # AdEMAMix: two means in one tensor (optim/ademamix.py)
    flat = kept.reshape(rows, -1) if rows and kept.size % rows == 0 else kept.reshape(1, -1)
    for block in _BLOCKS:
        if table.size == _LEVELS and factors.size == rows * -(-flat.shape[1] // block):
            spread = numpy.repeat(factors.reshape(rows, -1), block, axis=1)[:, : flat.shape[1]]
            found: NDArray[Any] = (table.ravel()[flat] * spread).astype(numpy.float32).ravel()
            return found
    raise CannotRead(f"holds {name} of parameter {entry.index} in bytes with other factors than its blocks")
