"""Writes safetensors files and LoRA adapters without torch; headers can be wrong on purpose."""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

WORDS = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "complex64": "C64",
    "int64": "I64",
    "uint8": "U8",
    "bool": "BOOL",
}

Tensors = Mapping[str, tuple[str, Sequence[int], bytes]]


def make_safetensors(tensors: Tensors, metadata: Mapping[str, str] | None = None) -> bytes:
    """A file of {name: (dtype word, shape, little-endian bytes)}, laid out in that order."""
    header: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    data = b""
    for name, (dtype, shape, content) in tensors.items():
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": offsets}
        data += content
    return with_header(json.dumps(header, separators=(",", ":")), data)


def with_header(header: str | bytes, data: bytes = b"", length: int | None = None) -> bytes:
    """A file with this very header, and this length field when one is given."""
    raw = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(array: NDArray[Any], dtype: str | None = None) -> tuple[str, tuple[int, ...], bytes]:
    """One tensor for `make_safetensors`; ``dtype`` BF16 keeps the upper half of float32."""
    if dtype == "BF16":
        bits = numpy.ascontiguousarray(array, dtype="<f4").view("<u4") >> 16
        return "BF16", array.shape, bits.astype("<u2").tobytes()
    return WORDS[array.dtype.name], array.shape, numpy.ascontiguousarray(array).tobytes()


def make_arrays(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> bytes:
    """A file of {name: array}."""
    return make_safetensors({name: entry(array) for name, array in arrays.items()}, metadata)


def make_adapter(
    factors: Mapping[str, tuple[NDArray[Any], NDArray[Any]]], others: Mapping[str, NDArray[Any]] | None = None
) -> bytes:
    """An adapter of {module: (A, B)} under PEFT's names, with further tensors under their own names."""
    named: dict[str, NDArray[Any]] = {}
    for module, (a, b) in factors.items():
        named[f"base_model.model.{module}.lora_A.weight"] = a
        named[f"base_model.model.{module}.lora_B.weight"] = b
    return make_arrays({**named, **(others or {})}, {"format": "pt"})
