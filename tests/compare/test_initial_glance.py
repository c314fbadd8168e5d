"""The look at the first module alone, against NumPy's generator and against the whole proof."""

import math
import struct
from dataclasses import replace

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.compare.initial import Limits, adapters_of, begins_with, prove_seed
from auditor.compare.initial._glance import words
from tests.builders.blobs import blob
from tests.builders.drawn import MODULES, Factors, adapter, adapter_file, factors, trained
from tests.builders.repositories import healthy
from tests.evidence.support import run_of

QUICK = Limits(window=0, others=())
FIRST = MODULES[0][0]


def of_first(change: float) -> Factors:
    """An adapter whose first module alone is multiplied."""
    made = factors(42)
    a, b = made[FIRST]
    return {**made, FIRST: ((a * numpy.float32(change)), b)}


@pytest.mark.parametrize("seed", [0, 42, 2**32 - 1, 2**40 + 7])
def test_words_are_those_of_numpys_generator(seed: int) -> None:
    source = numpy.random.RandomState(seed & 0xFFFFFFFF)
    expected = struct.unpack("<1500I", source.bytes(6000))
    assert tuple(words(seed, 0, 20)) == expected[:20]
    assert tuple(words(seed, 700, 800)) == expected[700:]


def test_the_tiny_run_begins_with_its_seed() -> None:
    weights, config, structure = next(adapters_of(run_of(healthy())))
    assert begins_with(weights, config, 42, structure)
    assert begins_with(weights, config, 42 + 2**32, structure), "torch seeds with 32 bits"
    assert not begins_with(weights, config, 43, structure)


@settings(max_examples=40)
@given(
    st.integers(0, 2**32 - 1), st.floats(0, 4), st.sampled_from([0, 1, 192]), st.booleans(), st.integers(0, 9)
)
def test_what_it_sees_the_whole_proof_confirms(
    seed: int, drift: float, before: int, other: bool, draw: int
) -> None:
    """Words before the adapter, and another seed, are never seen; what is seen is as sure as the whole proof."""
    made = factors(seed, before=before)
    weights, config = adapter(trained(made, drift, draw) if drift else made)
    asked = seed ^ 1 if other else seed
    proof = prove_seed(weights, config, asked, limits=QUICK)
    whole = proof.verdict in ("proved", "consistent") and proof.drawn_before == 0
    seen = begins_with(weights, config, asked)
    assert not seen or whole
    assert not seen or (before == 0 and not other)
    # 192 numbers: sqrt(192 / (1 + 0.2^2)) = 13.6 standard deviations, give or take a half; the cut is at 10.95.
    assert seen or before or other or drift > 0.2


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_sixteen_bits_are_read(dtype: str) -> None:
    found = factors(7)
    if dtype == "F16":
        half = {name: (a.astype(numpy.float16), b.astype(numpy.float16)) for name, (a, b) in found.items()}
        weights, config = adapter(half)  # type: ignore[arg-type]
    else:
        weights, config = adapter(found, dtype)
    assert begins_with(weights, config, 7)
    assert not begins_with(weights, config, 8)


def test_what_cannot_be_looked_at_is_left_to_the_whole_proof() -> None:
    gaussian = adapter(factors(11, rank=3, gaussian=True), init_lora_weights="gaussian")
    assert not begins_with(*gaussian, 11)
    assert not begins_with(*adapter(factors(42), init_lora_weights="pissa"), 42)
    assert not begins_with(*adapter({n: (a.astype(float), b) for n, (a, b) in factors(42).items()}), 42)
    for change in (math.nan, math.inf, 0.0):
        assert not begins_with(*adapter(of_first(change)), 42)
    weights, config = adapter(factors(42))
    data = adapter_file(factors(42))
    torn = replace(weights, blob=blob(data[: len(data) - 60_000], weights.path))
    assert not begins_with(torn, config, 42)
    assert not begins_with(replace(weights, blob=None), config, 42)


def test_values_of_the_other_sign_are_not_the_seed_s() -> None:
    assert begins_with(*adapter(of_first(0.5)), 42)
    assert not begins_with(*adapter(of_first(-1.0)), 42)
