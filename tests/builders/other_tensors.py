"""Sparse and quantized tensors as torch.save pickles them, made without it.

Source of the forms: torch 2.13.0, _tensor.py, `_reduce_ex_internal`.
"""

import struct
from collections.abc import Sequence

from tests.builders.pickles import Call, Global, Opcodes, Tensor, Writer, contiguous, named, torch_zip

HOOKS = Call(named("collections.OrderedDict"))


def sparse(shape: tuple[int, int], layout: str = "sparse_coo") -> Call:
    """A tensor that holds one number, 3 at (0, 1)."""
    kind = Call(named("torch.serialization._get_layout"), (f"torch.{layout}",))
    indices, size = Tensor([0, 1], (2, 1), "int64"), Call(named("torch.Size"), (shape,))
    return Call(named("torch._utils._rebuild_sparse_tensor"), (kind, (indices, Tensor([3.0], (1,)), size)))


def quantized(writer: Writer, codes: Sequence[int], shape: tuple[int, ...]) -> Call:
    """``torch.quantize_per_tensor`` with scale 0.1 and zero point 0, as qint8."""
    key = str(len(writer.storages))
    writer.storages[key] = struct.pack(f"{len(codes)}b", *codes)
    identity = writer.encode(("storage", Global("torch", "QInt8Storage"), key, "cpu", len(codes))) + b"Q"
    how = (Global("torch", "per_tensor_affine"), 0.1, 0)
    arguments = (Opcodes(identity), 0, shape, contiguous(shape), how, False, HOOKS)
    return Call(named("torch._utils._rebuild_qtensor"), arguments)


def saved(writer: Writer, value: object) -> bytes:
    """``torch.save`` of what a writer's parts are in."""
    return torch_zip(writer.dumps(value), writer.storages)
