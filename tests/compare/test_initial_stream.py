"""Words of the stream, and single bits of far words, against CPython's own Mersenne Twister."""

from itertools import islice

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.compare.initial._linear import Seeding, batches, functionals, parity
from auditor.compare.initial._origin import LEAST, origin
from auditor.compare.initial._stream import Stream
from tests.builders.drawn import words


@pytest.mark.parametrize("seed", [0, 42, 2**32 - 1, 2**40 + 7, -1])
def test_words_are_those_of_the_reference_generator(seed: int) -> None:
    expected = list(islice(words(seed), 3000))
    stream = Stream(seed)
    assert stream.words(0, 10).tolist() == expected[:10]
    assert stream.words(700, 800).tolist() == expected[700:1500]
    assert stream.words(5, 3).tolist() == expected[5:8], "back to any word after the settled one"
    stream.settle(650)
    assert stream.words(2000, 1000).tolist() == expected[2000:3000]
    assert stream.words(650, 1).tolist() == expected[650:651]
    stream.settle(100)
    assert stream.settled == 100
    assert stream.words(100, 2).tolist() == expected[100:102], "before the settled word it begins anew"


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 2**32 - 1)), min_size=1, max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_any_bits_of_any_word_come_straight_from_the_seed(bits: list[tuple[int, int]], seed: int) -> None:
    expected = list(islice(words(seed), 3001))
    made = Seeding(functionals(bits)).bits(numpy.array([seed], numpy.uint32))[:, 0]
    assert made.tolist() == [(expected[at] & mask).bit_count() % 2 for at, mask in bits]


def test_bits_far_along_the_stream() -> None:
    place = 200_000
    expected = next(islice(words(5), place, None))
    made = Seeding(functionals([(place, 1 << bit) for bit in range(32)])).bits(
        numpy.array([5, 6], numpy.uint32)
    )
    assert sum(int(bit) << at for at, bit in enumerate(made[:, 0])) == expected


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 5000), st.integers(LEAST, LEAST + 100))
def test_seed_and_place_are_computed_from_the_low_bits_of_consecutive_words(
    seed: int, position: int, count: int
) -> None:
    seen = numpy.array(
        [word % 2**24 for word in islice(words(seed), position, position + count)], numpy.uint32
    )
    assert origin(seen, 5000) == (seed, position)


def test_numbers_of_no_such_stream_have_no_origin() -> None:
    seen = numpy.array([word % 2**24 for word in islice(words(7), 2000)], numpy.uint32)
    assert origin(seen, 0) == (7, 0)
    assert origin(seen[:LEAST], 0) == (7, 0)
    assert origin(seen[: LEAST - 1], 0) is None, "too few"
    assert origin(seen[1500 - LEAST :], 100) is None, "further back than was looked"
    seen[1000] ^= 1
    assert origin(seen, 5000) is None, "one bit is wrong"
    assert origin(numpy.random.default_rng(1).integers(0, 2**24, 2000).astype(numpy.uint32), 5000) is None
    assert origin(numpy.zeros(2000, numpy.uint32), 5000) is None


def test_parity() -> None:
    numbers = numpy.array([0, 1, 3, 0x80000001, 0xFFFFFFFF, 0x80000000], numpy.uint32)
    assert parity(numbers).tolist() == [0, 1, 0, 0, 0, 1]


@pytest.mark.parametrize(
    "seeds", [range(10), range(-3, 4), range(2**32 - 2, 2**32 + 5, 3), [9, -1, 2**33 + 1]]
)
def test_batches_are_the_low_32_bits(seeds: "range | list[int]") -> None:
    found = [int(seed) for batch in batches(seeds, 4) for seed in batch]
    assert found == [seed % 2**32 for seed in seeds]
