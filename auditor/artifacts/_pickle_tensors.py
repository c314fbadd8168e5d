"""Bytes of a torch storage as a NumPy array."""

from typing import TYPE_CHECKING, Any, Literal

from auditor.artifacts._number_formats import numbers, numpy_module
from auditor.artifacts._pickle_values import OtherTensor, TensorRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy

    from auditor.artifacts.pickle_archive import PickleArchive

_CODES = {
    "bfloat16": "BF16",
    "bool": "BOOL",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
}
"""Dtypes that NumPy does not have, or not with these bytes, by their words in safetensors."""


def as_array(data: bytes, ref: TensorRef, little_endian: bool) -> "numpy.ndarray[Any, Any]":
    """The tensor's elements in its shape, strides respected; bfloat16 and smaller floats become float32.

    ``data`` begins with the tensor's first element and ends with its last; the caller has checked both.
    """
    np: Any = numpy_module()
    order: Literal["<", ">"] = "<" if little_endian else ">"
    flat: numpy.ndarray[Any, Any]
    if ref.dtype in _CODES:
        stored = np.frombuffer(data, dtype=order + "u2" if ref.dtype == "bfloat16" else "u1")
        flat = numbers(stored, _CODES[ref.dtype])
    else:
        flat = np.frombuffer(data, dtype=np.dtype(ref.dtype).newbyteorder(order))
    if ref.numel == 0:
        return flat[:0].reshape(ref.shape)
    step = flat.dtype.itemsize
    view: numpy.ndarray[Any, Any] = np.lib.stride_tricks.as_strided(
        flat, ref.shape, [s * step for s in ref.stride], writeable=False
    )
    return view.copy()


def all_tensors(archive: "PickleArchive") -> "Mapping[str, TensorRef | OtherTensor]":
    """As `pickle_archive.tensors`, with those that are sparse or quantized. Raises CannotRead for any other odd one."""
    from auditor.artifacts.pickle_archive import refuse_opaque, state_dict, tensors

    if archive.container == "raw":
        return tensors(archive)
    value = state_dict(archive)
    refuse_opaque({key: item for key, item in value.items() if not isinstance(item, OtherTensor)})
    return {str(key)[:1000]: item for key, item in value.items() if isinstance(item, TensorRef | OtherTensor)}
