"""Streamed comparison of tensors against plain float64 arithmetic."""

from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.tensors import TensorDifference, compare_chunks, compare_weights
from auditor.model import Digest
from tests.builders.blobs import blob
from tests.builders.safetensors import entry, make_arrays, make_safetensors

NAN, INF = float("nan"), float("inf")


def chunked(one: NDArray[Any], two: NDArray[Any], size: int = 7) -> TensorDifference:
    """Compare in chunks of ``size`` elements."""
    return compare_chunks("t", ((one[i : i + size], two[i : i + size]) for i in range(0, one.size, size)))


def f32(*values: float) -> NDArray[Any]:
    return numpy.array(values, dtype=numpy.float32)


def read(data: bytes, lfs: Digest | None = None) -> AdapterWeights:
    return AdapterWeights.parse(blob(data, "adapter_model.safetensors", lfs))


def test_equal_tensors() -> None:
    assert chunked(f32(1, -2, 3), f32(1, -2, 3)) == TensorDifference("t", 3)


def test_each_number_by_hand() -> None:
    """Sums by hand.

    a = (1, -1, 2, 2), b = (1, 2, 2, -2): |a|^2 = 10, |b|^2 = 13, a.b = 1 - 2 + 4 - 4 = -1, |d|^2 = 9 + 16 = 25.
    """
    found = chunked(f32(1, -1, 2, 2), f32(1, 2, 2, -2), size=2)
    assert (found.elements, found.differing, found.first, found.max_abs, found.sign_flips) == (
        4,
        2,
        1,
        4.0,
        2,
    )
    assert found.relative_l2 == pytest.approx(5 / 13**0.5, rel=1e-12)
    assert found.cosine == pytest.approx(-1 / 130**0.5, rel=1e-12)
    assert not found.equal


@given(
    arrays.arrays(numpy.float32, 40, elements=st.floats(-1e3, 1e3, width=32)),
    arrays.arrays(numpy.float32, 40, elements=st.floats(-1e3, 1e3, width=32)),
)
def test_agrees_with_float64(one: NDArray[Any], two: NDArray[Any]) -> None:
    found = chunked(one, two)
    a, b = one.astype(numpy.float64), two.astype(numpy.float64)
    norms = numpy.linalg.norm(a), numpy.linalg.norm(b)
    largest = max(norms)
    assert found.differing == numpy.count_nonzero(a != b)
    assert found.max_abs == pytest.approx(numpy.abs(a - b).max(), rel=1e-6)
    assert found.relative_l2 == pytest.approx(
        numpy.linalg.norm(a - b) / largest if largest else 0.0, rel=1e-5
    )
    if all(norms):
        assert found.cosine == pytest.approx(float((a / norms[0]) @ (b / norms[1])), abs=1e-5)
    assert found.first == (int((a != b).argmax()) if (a != b).any() else None)


@pytest.mark.parametrize("scale", [1e-30, 1e-40, 1e25, 3e38])
def test_extreme_float32_keeps_its_relative_distance(scale: float) -> None:
    """Squares of these leave float32; (1, 0) against (0, 1) times anything is sqrt(2) and orthogonal."""
    found = chunked(f32(scale, 0), f32(0, scale))
    assert found.relative_l2 == pytest.approx(2**0.5, rel=1e-6)
    assert found.cosine == pytest.approx(0.0, abs=1e-6)


def test_opposite_extremes_have_a_finite_gap() -> None:
    found = chunked(f32(3e38), f32(-3e38))
    assert found.max_abs == pytest.approx(6e38, rel=1e-6)
    assert (found.cosine, found.sign_flips) == (-1.0, 1)


def test_float64_beyond_its_squares_is_said() -> None:
    found = chunked(numpy.array([1e200]), numpy.array([2e200]))
    assert found.unread == "holds numbers too large for their squares"
    assert not found.equal


def test_small_change_of_large_numbers_is_kept() -> None:
    """One element of 10,000 ones moved by 2**-20: the relative distance is 2**-20 / 100."""
    one = numpy.ones(10_000, dtype=numpy.float32)
    two = one.copy()
    two[6_789] += 2.0**-20
    found = chunked(one, two, 1000)
    assert (found.first, found.differing, found.max_abs) == (6_789, 1, 2.0**-20)
    assert found.relative_l2 == pytest.approx(2.0**-20 / 100, rel=1e-6)
    assert 1 - found.cosine < 1e-13


def test_nan_and_infinity_are_counted_and_left_out() -> None:
    found = chunked(f32(NAN, NAN, INF, 1, 2), f32(NAN, 0, INF, -INF, 5))
    assert (found.base_nan, found.head_nan, found.base_inf, found.head_inf) == (2, 1, 1, 2)
    assert (found.differing, found.first, found.max_abs) == (3, 1, 3.0)
    same = chunked(f32(NAN, INF), f32(NAN, INF))
    assert (same.differing, same.equal, same.base_nan, same.cosine) == (0, True, 1, 1.0)


def test_zero_tensors() -> None:
    assert chunked(f32(0, 0), f32(0, -0.0)) == TensorDifference("t", 2)
    one_sided = chunked(f32(0, 0), f32(0, 2))
    assert (one_sided.relative_l2, one_sided.cosine, one_sided.sign_flips) == (1.0, 0.0, 0)


@pytest.mark.parametrize("word", ["<f2", "<f4", "<f8", "<i8", "u1", "?"])
def test_every_dtype_of_a_file(word: str) -> None:
    one = numpy.array([[1, 0], [1, 1]]).astype(word)
    two = numpy.array([[1, 0], [0, 1]]).astype(word)
    found = compare_weights(read(make_arrays({"t": one})), read(make_arrays({"t": two}))).tensors[0]
    assert (found.elements, found.differing, found.first, found.max_abs) == (4, 1, 2, 1.0)
    assert found.relative_l2 == pytest.approx(1 / 3**0.5, rel=1e-6)


def test_integers_beyond_float64_still_differ() -> None:
    found = chunked(numpy.array([2**53]), numpy.array([2**53 + 1]))
    assert (found.differing, found.first) == (1, 0)


def test_dtypes_may_differ() -> None:
    values = numpy.array([1.0, 2.5], dtype="<f4")
    base = read(make_safetensors({"t": entry(values, "BF16")}))
    head = read(make_arrays({"t": values}))
    assert compare_weights(base, head).tensors[0].equal
    assert compare_weights(base, head).reshaped == (("t", "BF16 [2]", "F32 [2]"),)


def test_two_files() -> None:
    a, b = numpy.ones((2, 2), dtype="<f4"), numpy.zeros(3, dtype="<f4")
    base = read(make_arrays({"same": a, "gone": b, "wider": b, "moved": a}))
    head = read(make_arrays({"same": a, "new": b, "wider": a, "moved": 2 * a}))
    found = compare_weights(base, head)
    assert (found.proof, found.only_base, found.only_head) == ("numbers", ("gone",), ("new",))
    assert found.reshaped == (("wider", "F32 [3]", "F32 [2, 2]"),)
    assert [(t.name, t.equal, t.relative_l2) for t in found.tensors] == [
        ("same", True, 0.0),
        ("moved", False, 0.5),
    ]
    assert not found.equal
    assert compare_weights(base, base).equal


def test_equal_digests_are_not_read() -> None:
    oid = Digest("sha256", "0" * 64)
    base = read(make_arrays({"t": numpy.zeros(1, dtype="<f4")}), oid)
    head = read(make_arrays({"t": numpy.ones(1, dtype="<f4")}), oid)
    found = compare_weights(base, head)
    assert (found.proof, found.equal, found.tensors) == ("equal sha256", True, ())


def test_chunks_of_a_large_tensor_are_compared_in_order() -> None:
    """Two chunks of 131,072 and one of 7 elements; the change is in the last."""
    one = numpy.ones(2 * 131_072 + 7, dtype="<f4")
    two = one.copy()
    two[-1] = 0
    found = compare_weights(read(make_arrays({"t": one})), read(make_arrays({"t": two}))).tensors[0]
    assert (found.first, found.differing) == (one.size - 1, 1)
    assert found.relative_l2 == pytest.approx(one.size**-0.5, rel=1e-6)
