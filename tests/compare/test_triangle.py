"""R of a tall matrix, block by block: against NumPy's decomposition of the whole matrix."""

from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.compare._triangle import Triangle, blocks, product, triangle


def dense(found: Triangle, columns: int) -> Any:
    matrix = numpy.zeros((columns, columns))
    for start, panel in found.panels:
        matrix[start : start + len(panel), start:] = panel
    return matrix


@settings(max_examples=40)
@given(
    st.integers(1, 110),
    st.lists(st.integers(0, 90), min_size=1, max_size=5),
    st.sets(st.integers(0, 109)),
    st.integers(0, 3),
)
def test_blocks_of_any_length_give_the_r_of_the_whole(
    columns: int, lengths: list[int], zeros: set[int], seed: int
) -> None:
    """Columns of zeros, columns from 1 to 1e-9 long, fewer rows than columns: each column to its own last digits."""
    generator = numpy.random.default_rng(seed)
    sizes = 10.0 ** -generator.integers(0, 9, columns)
    some = [generator.standard_normal((length, columns)) * sizes for length in lengths]
    for block in some:
        block[:, [place for place in zeros if place < columns]] = 0
    whole = numpy.vstack(some)
    found = triangle(some)
    assert (found.rows, found.columns) == whole.shape
    mine = dense(found, columns)
    gram, wanted = mine.T @ mine, whole.T @ whole
    lengths_of = numpy.sqrt(numpy.diag(wanted))
    assert numpy.all(numpy.abs(gram - wanted) <= 1e-12 * numpy.outer(lengths_of, lengths_of))
    assert not numpy.tril(mine, -1).any()


def test_rows_are_those_of_numpy() -> None:
    tall = numpy.random.default_rng(0).standard_normal((500, 70))
    found = dense(triangle(block for (block,) in blocks(tall)), 70)
    wanted = numpy.linalg.qr(tall, mode="r")
    signs = numpy.sign(numpy.diag(found) * numpy.diag(wanted))[:, None]
    assert found == pytest.approx(signs * wanted, rel=1e-9, abs=1e-12)


def test_the_product_is_that_of_both_triangles() -> None:
    generator = numpy.random.default_rng(1)
    some = [generator.standard_normal((rows, 100)) for rows in (300, 45)]
    one, two = (triangle([matrix]) for matrix in some)
    assert product(one, two) == pytest.approx(dense(one, 100) @ dense(two, 100).T, rel=1e-12, abs=1e-12)


def test_a_power_of_two_changes_no_digit() -> None:
    tall = 1e200 * numpy.random.default_rng(2).standard_normal((80, 40))
    found = triangle([tall])
    before = dense(found, 40)
    power = found.normalised()
    assert power is not None
    after = dense(found, 40)
    assert 0.5 <= numpy.abs(after).max() < 1
    assert numpy.array_equal(numpy.ldexp(after, power), before)


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf, -numpy.inf])
@pytest.mark.parametrize("place", [(0, 0), (3, 40), (70, 69), (99, 5)])
def test_what_is_not_finite_is_not_lost(value: float, place: tuple[int, int]) -> None:
    tall = numpy.random.default_rng(3).standard_normal((100, 70))
    tall[place] = value
    with numpy.errstate(all="ignore"):
        found = triangle(block for start in (0, 50) for block in [tall[start : start + 50]])
    assert not numpy.isfinite(dense(found, 70)[:, place[1]]).all()
    assert found.normalised() is None


def test_no_more_memory_than_half_a_square() -> None:
    found = triangle([numpy.ones((300, 256))])
    taken = sum(panel.nbytes for _, panel in found.panels)
    assert taken == Triangle.memory(256) < 0.6 * 8 * 256**2
