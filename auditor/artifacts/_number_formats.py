"""Numbers of every dtype of safetensors, from their bytes, with NumPy alone.

Formats of at most eight bits are tables of all their codes, built from their definitions: FP8 E4M3 and E5M2 (arXiv
2209.05433), their FNUZ variants (arXiv 2206.02915), E8M0, FP6 and FP4 (OCP Microscaling Formats 1.0, sections 5.3 and
5.4). Elements below a byte follow each other from its lowest bit (torch 2.13, headeronly/util/Float4_e2m1fn_x2.h, for
FP4; no library writes FP6 yet).
"""

import os
import sys
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

STORED: Mapping[str, str] = {
    **dict.fromkeys(("BOOL", "U8"), "u1"),
    **dict.fromkeys(("BF16", "U16"), "u2"),
    **{"F64": "f8", "F32": "f4", "F16": "f2", "C64": "c8"},  # noqa: PIE800 - beside its like
    **{"I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1", "U64": "u8", "U32": "u4"},  # noqa: PIE800
}
"""How NumPy sees the stored elements; formats that are not here are bytes of codes."""


class Layout(NamedTuple):
    """A small float: bits of exponent and mantissa, the exponent's bias, and which codes are no numbers.

    ``special`` is "ieee" (highest exponent: infinity, NaN), "top" (all ones are NaN), "zero" (the code of -0 is
    NaN) or "none".
    """

    exponent: int
    mantissa: int
    bias: int
    special: str


LAYOUTS: Mapping[str, Layout] = {
    "F8_E5M2": Layout(5, 2, 15, "ieee"),
    "F8_E4M3": Layout(4, 3, 7, "top"),
    "F8_E5M2FNUZ": Layout(5, 2, 16, "zero"),
    "F8_E4M3FNUZ": Layout(4, 3, 8, "zero"),
    "F6_E3M2": Layout(3, 2, 3, "none"),
    "F6_E2M3": Layout(2, 3, 1, "none"),
    "F4": Layout(2, 1, 1, "none"),
}
GROUP: Mapping[int, tuple[int, int]] = {6: (4, 3), 4: (2, 1)}
"""(elements, bytes) that belong together where elements share bytes."""


def numpy_module() -> ModuleType:
    """NumPy, imported with one BLAS thread when we are the first to import it; its threads cost more than they save."""
    if "numpy" not in sys.modules and "OPENBLAS_NUM_THREADS" not in os.environ:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        try:
            import numpy
        finally:
            # Children, the rerun's above all, choose their own number.
            del os.environ["OPENBLAS_NUM_THREADS"]
        return numpy
    import numpy

    return numpy


def values_of(layout: Layout) -> list[float]:
    """The number of every code, sign bit highest."""
    half = [_magnitude(code, layout) for code in range(1 << (layout.exponent + layout.mantissa))]
    found = [*half, *(-value for value in half)]
    if layout.special == "zero":
        found[len(half)] = float("nan")
    return found


def _magnitude(code: int, layout: Layout) -> float:
    exponent, fraction = code >> layout.mantissa, code & ((1 << layout.mantissa) - 1)
    highest = exponent == (1 << layout.exponent) - 1
    if highest and layout.special == "ieee":
        return float("nan") if fraction else float("inf")
    if highest and layout.special == "top" and fraction == (1 << layout.mantissa) - 1:
        return float("nan")
    hidden = 1 if exponent else 0
    scale: float = 2.0 ** (max(exponent, 1) - layout.bias - layout.mantissa)
    return (fraction + (hidden << layout.mantissa)) * scale


@cache
def table(dtype: str) -> "NDArray[Any]":
    """float32 of each of a small format's codes; all of them are exact in float32."""
    import numpy

    if dtype == "F8_E8M0":
        return numpy.array([*(2.0 ** (code - 127) for code in range(255)), float("nan")], numpy.float32)
    return numpy.array(values_of(LAYOUTS[dtype]), numpy.float32)


def unpacked(data: "NDArray[Any]", bits: int) -> "NDArray[Any]":
    """The codes, one a byte, of whole groups (see `GROUP`) of elements of 4 or 6 bits."""
    import numpy

    if bits == 4:
        return numpy.stack((data & 15, data >> 4), axis=1).reshape(-1)
    first, second, third = (data.reshape(-1, 3)[:, column] for column in range(3))
    return numpy.stack(
        (first & 63, first >> 6 | (second & 15) << 2, second >> 4 | (third & 3) << 4, third >> 2), axis=1
    ).reshape(-1)


def numbers(raw: "NDArray[Any]", dtype: str) -> "NDArray[Any]":
    """Stored elements (see `STORED`; else codes, one a byte) as numbers: BF16 and small floats as float32."""
    import numpy

    if dtype == "BF16":
        wide = raw.astype(numpy.uint32)
        wide <<= 16
        return wide.view(numpy.float32)
    if dtype in STORED and dtype != "BOOL":
        return raw
    found: NDArray[Any] = raw != 0 if dtype == "BOOL" else table(dtype)[raw]
    return found
