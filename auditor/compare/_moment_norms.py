"""Euclidean norms of an optimizer's moments, a few elements at a time."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from auditor.artifacts._pickle_values import TensorRef
from auditor.artifacts.optimizer_state import OptimizerState, ParamState
from auditor.compare._optimizer_kinds import OptimizerKind
from auditor.errors import CannotRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 2**20
"""Elements of a moment that are held at once, a multiple of all `BLOCKS`."""
BLOCKS = (256, 2048)
"""Elements that share a factor: 256 in bitsandbytes 0.50.2 (optim/optimizer.py, `init_state`), 2,048 in older ones."""


def norms_of(optimizer: OptimizerState, entry: ParamState, kind: OptimizerKind) -> dict[str, float]:
    """The norms of a parameter's moments by name. Raises CannotRead when a part is missing or does not fit."""
    found: dict[str, float] = {}
    for name in (kind.first, kind.second):
        ref = entry.tensors.get(name) if name is not None else None
        if name is not None and ref is not None:
            quantized = ref.dtype == "uint8"
            found[name] = _norm_of_bytes(optimizer, entry, name) if quantized else _norm(optimizer, ref)
    return found


def _norm(optimizer: OptimizerState, ref: TensorRef) -> float:
    """sqrt of the sum of squares in float64. Raises CannotRead when the tensor is not all there."""
    import numpy

    total = 0.0
    with numpy.errstate(over="ignore", invalid="ignore"):
        for part in _parts(optimizer, ref):
            # BLAS would share this out to threads that cost fifty times the sum.
            flat = part.reshape(-1).astype(numpy.float64)
            flat *= flat
            total += float(flat.sum())
    return math.sqrt(total)


def _norm_of_bytes(optimizer: OptimizerState, entry: ParamState, name: str) -> float:
    """The norm of a moment of bytes: element i is ``qmap[byte] * absmax[i // block]`` (`dequantize_blockwise`).

    Raises CannotRead when a part is missing or does not fit.
    """
    import numpy

    number, ref = name[-1], entry.tensors[name]
    table, factors = (entry.tensors.get(f"{part}{number}") for part in ("qmap", "absmax"))
    if table is None or factors is None or table.numel != 256:
        raise CannotRead(f"lacks the table or the factors of {name}")
    block = next((size for size in BLOCKS if -(-ref.numel // size) == factors.numel), None)
    if block is None:
        raise CannotRead(f"has {factors.numel:,} factors for the {ref.numel:,} bytes of {name}")
    with numpy.errstate(over="ignore", invalid="ignore"):
        squares = optimizer.archive.tensor(table).reshape(-1).astype(numpy.float64) ** 2
        scales = optimizer.archive.tensor(factors).reshape(-1).astype(numpy.float64) ** 2
        total, at = 0.0, 0
        for part in _parts(optimizer, ref):
            bytes_ = part.reshape(-1)
            sums = numpy.add.reduceat(squares[bytes_], range(0, bytes_.size, block))
            total += float((sums * scales[at : at + sums.size]).sum())
            at += sums.size
    return math.sqrt(total)


def _parts(optimizer: OptimizerState, ref: TensorRef) -> Iterator["NDArray[Any]"]:
    """The elements a few at a time; the storage of a tensor that is contiguous is read in pieces."""
    if ref.numel <= CHUNK:
        yield optimizer.archive.tensor(ref)
        return
    if ref.reach - ref.storage_offset != ref.numel:
        raise CannotRead(f"keeps {ref.numel:,} elements that repeat or skip parts of their storage")
    for start in range(0, ref.numel, CHUNK):
        count = min(CHUNK, ref.numel - start)
        yield optimizer.archive.tensor(
            TensorRef(
                ref.dtype, (count,), (1,), ref.storage_offset + start, ref.storage_key, ref.storage_numel
            )
        )
