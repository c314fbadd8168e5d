"""Bytes of a torch storage as a NumPy array."""

from typing import TYPE_CHECKING, Any, Literal

from auditor.artifacts._pickle_values import TensorRef

if TYPE_CHECKING:
    import numpy


def as_array(data: bytes, ref: TensorRef, little_endian: bool) -> "numpy.ndarray[Any, Any]":
    """The tensor's elements in its shape, strides respected; bfloat16 becomes float32 (its upper half).

    ``data`` begins with the tensor's first element and ends with its last; the caller has checked both.
    """
    import numpy as np

    order: Literal["<", ">"] = "<" if little_endian else ">"
    if ref.dtype == "bfloat16":
        halves = np.frombuffer(data, dtype=order + "u2").astype("<u4")
        flat: numpy.ndarray[Any, Any] = (halves << 16).view("<f4")
    else:
        flat = np.frombuffer(data, dtype=np.dtype(ref.dtype).newbyteorder(order))
    if ref.numel == 0:
        return np.zeros(ref.shape, flat.dtype)
    step = flat.dtype.itemsize
    view = np.lib.stride_tricks.as_strided(flat, ref.shape, [s * step for s in ref.stride], writeable=False)
    return np.array(view)
