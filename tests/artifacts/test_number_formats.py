"""All codes of the small formats, against torch where it has the dtype and against the definitions where it has not."""

import math
import os
import struct
import subprocess
import sys

import numpy
import pytest

from auditor.artifacts._number_formats import LAYOUTS, table, values_of
from auditor.artifacts._safetensors import BITS
from auditor.artifacts.adapter_weights import AdapterWeights
from tests.builders.blobs import blob
from tests.builders.safetensors import make_safetensors

TORCH = {
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E8M0": "float8_e8m0fnu",
}


def read(dtype: str, elements: int, data: bytes) -> AdapterWeights:
    return AdapterWeights.parse(
        blob(make_safetensors({"t": (dtype, (elements,), data)}), "adapter_model.safetensors")
    )


@pytest.mark.rerun
@pytest.mark.parametrize(("dtype", "word"), TORCH.items())
def test_all_256_codes_are_those_of_torch(dtype: str, word: str) -> None:
    import torch

    codes = torch.arange(256, dtype=torch.uint8)
    expected = codes.view(getattr(torch, word)).float().numpy()
    found = read(dtype, 256, bytes(range(256))).array("t")
    assert found.dtype == numpy.float32
    # Bit by bit, so that -0 is not 0; NaN has no one pattern.
    nan = numpy.isnan(expected)
    assert (numpy.isnan(found) == nan).all()
    assert (found.view("u4")[~nan] == expected.view("u4")[~nan]).all()


def test_e5m2_is_the_upper_byte_of_float16() -> None:
    expected = [struct.unpack("<e", bytes([0, code]))[0] for code in range(256)]
    for found, wanted in zip(values_of(LAYOUTS["F8_E5M2"]), expected, strict=True):
        assert found == wanted or (math.isnan(found) and math.isnan(wanted))


def test_fp4_has_the_sixteen_numbers_of_the_standard() -> None:
    """OCP Microscaling Formats 1.0, section 5.3.3."""
    half = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    assert table("F4").tolist() == [*half, *(-value for value in half)]


def test_fp6_has_the_limits_of_the_standard() -> None:
    """Table 4 of section 5.3.2: largest 28 and 7.5, smallest normal 0.25 and 1, smallest subnormal 0.0625 and 0.125."""
    wide, fine = table("F6_E3M2"), table("F6_E2M3")
    assert (wide.max(), wide[4], wide[1]) == (28.0, 0.25, 0.0625)
    assert (fine.max(), fine[8], fine[1]) == (7.5, 1.0, 0.125)
    assert len(set(wide.tolist())) == len(set(fine.tolist())) == 63


def test_e8m0_is_a_power_of_two() -> None:
    found = table("F8_E8M0")
    assert (found[0], found[127], found[254]) == (2.0**-127, 1.0, 2.0**127)
    assert numpy.isnan(found[255])


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5, 8, 100])
def test_fp4_begins_with_the_lower_half_of_a_byte(chunk: int) -> None:
    """0x21 is 0.5, then 1: torch 2.13, headeronly/util/Float4_e2m1fn_x2.h."""
    weights = read("F4", 6, bytes([0x21, 0x43, 0xF5]))
    assert numpy.concatenate(list(weights.chunks("t", chunk))).tolist() == [0.5, 1, 1.5, 2, 3, -6]
    assert weights.array("t").tolist() == [0.5, 1, 1.5, 2, 3, -6]


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5, 7, 100])
def test_fp6_elements_follow_each_other_from_the_lowest_bit(chunk: int) -> None:
    """Codes 1 to 8 as one little-endian number, six bits each."""
    number = sum(code << 6 * place for place, code in enumerate(range(1, 9)))
    weights = read("F6_E3M2", 8, number.to_bytes(6, "little"))
    expected = [table("F6_E3M2")[code] for code in range(1, 9)]
    assert numpy.concatenate(list(weights.chunks("t", chunk))).tolist() == expected


def test_every_word_of_the_format_is_decoded() -> None:
    """24 elements fill whole bytes in each of them; all bits zero is zero, and 2**-127 in E8M0."""
    for dtype, bits in BITS.items():
        found = read(dtype, 24, bytes(3 * bits)).array("t")
        assert found.shape == (24,)
        assert (found == (2.0**-127 if dtype == "F8_E8M0" else 0)).all()


def test_complex_and_unsigned_numbers() -> None:
    assert read("C64", 1, struct.pack("<2f", 1.5, -2)).array("t").tolist() == [1.5 - 2j]
    assert read("U64", 1, b"\xff" * 8).array("t").tolist() == [2**64 - 1]


def test_a_boolean_is_whatever_is_not_zero() -> None:
    assert read("BOOL", 3, b"\x00\x01\x02").array("t").tolist() == [False, True, True]


@pytest.mark.parametrize(("given", "left"), [(None, None), ("3", "3")])
def test_children_choose_their_own_number_of_threads(given: str | None, left: str | None) -> None:
    """OpenBLAS reads its variable while NumPy is imported; what the user set stays, what we set does not."""
    code = (
        "import os; from auditor.artifacts._number_formats import numpy_module; numpy_module(); "
        "print(os.environ.get('OPENBLAS_NUM_THREADS'))"
    )
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    if given is not None:
        environment["OPENBLAS_NUM_THREADS"] = given
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == str(left)
