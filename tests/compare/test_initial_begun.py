"""Where a module's numbers began, and how far they moved from there whichever basis they are in."""

from dataclasses import replace
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.initial import Begun, Limits, moved_in_any_basis, prove_seed, seeded_adapter
from tests.builders.drawn import Factors, adapter, factors, trained
from tests.builders.repositories import healthy
from tests.evidence.support import run_of

QUICK = Limits(window=1 << 16, others=())
DRAWN = factors(42, rank=8)
FIRST = next(iter(DRAWN))
SAMPLES = st.sampled_from([384, 240, 190])
"""All of 8 rows of 48 columns; five rows; three and the beginning of the fourth."""


def begun_of(
    found: Factors, dtype: str | None = None, seed: int = 42, sample: int = 1 << 16
) -> tuple[AdapterWeights, tuple[Begun, ...]]:
    weights, config = adapter(found, dtype) if dtype else adapter(found)
    return weights, prove_seed(weights, config, seed, limits=replace(QUICK, sample=sample)).begun


def first_moved(a: NDArray[Any], sample: int = 1 << 16) -> float:
    """What is found of the first module when its lora_A is this one, in so many of its numbers."""
    weights, (only,) = begun_of({FIRST: (a.astype("f4"), DRAWN[FIRST][1])}, sample=sample)
    return moved_in_any_basis(only, weights)


def test_the_distance_from_the_first_numbers() -> None:
    """By the numbers that plain Python drew."""
    moved = trained(DRAWN, 0.3)
    _, begun = begun_of(moved)
    assert [item.module for item in begun] == list(DRAWN)
    for item in begun:
        distance = numpy.abs(moved[item.module][0].astype("f8") - DRAWN[item.module][0]).max()
        assert item.seen.moved == pytest.approx(float(distance), rel=1e-12)
        assert item.seen.largest == pytest.approx(float(numpy.abs(DRAWN[item.module][0]).max()), rel=1e-12)
        assert not item.is_still
        assert item.tensor.endswith(f"{item.module}.lora_A.weight")


def test_only_numbers_that_need_all_of_float32_stand_still() -> None:
    assert {item.is_still for item in begun_of(DRAWN)[1]} == {True}
    half = {name: (a.astype("f2").astype("f4"), b) for name, (a, b) in DRAWN.items()}
    found = begun_of(half)[1]
    assert {item.seen.equal for item in found} == {True}
    assert {item.is_still for item in found} == {False}


def test_another_seed_that_explains_the_values_tells_where_they_began_too() -> None:
    weights, config = adapter(DRAWN)
    proof = prove_seed(weights, config, 7, limits=Limits(window=1 << 16, others=(42,)))
    assert (proof.verdict, proof.other, len(proof.begun)) == ("unreached", 42, len(DRAWN))
    assert prove_seed(weights, config, 7, limits=QUICK).seed == 7


def test_a_proof_is_made_once_for_each_file_and_seed() -> None:
    run = run_of(healthy())
    one, other = seeded_adapter(run, 42), seeded_adapter(run, 42)
    assert one is not None
    assert other is not None
    assert one.proof is other.proof
    assert one.proof.verdict == "consistent"
    third = seeded_adapter(run, 43)
    assert third is not None
    assert third.proof.verdict == "unreached"


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.1), st.floats(1e-4, 0.02), SAMPLES)
def test_no_basis_makes_a_movement_larger(draw: int, mix: float, far: float, sample: int) -> None:
    """A' = M (A + D) with |D| <= far: the rows of |M| sum to what D is at most multiplied by."""
    random = numpy.random.default_rng(draw)
    a = DRAWN[FIRST][0].astype("f8")
    matrix = numpy.eye(len(a)) + random.uniform(-mix, mix, (len(a), len(a)))
    moved = matrix @ (a + random.uniform(-far, far, a.shape))
    assert first_moved(moved, sample) <= 1.05 * far


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0.001, 0.03), SAMPLES)
def test_a_shift_is_found_whatever_its_signs(draw: int, far: float, sample: int) -> None:
    """But for what of it lies in the 8 rows of A, of 48 directions."""
    random = numpy.random.default_rng(draw)
    a = DRAWN[FIRST][0].astype("f8")
    assert 0.6 * far <= first_moved(a + far * random.choice([-1.0, 1.0], a.shape), sample) <= 1.001 * far
    assert 0.6 * far <= first_moved(a + far, sample) <= 1.001 * far
    few = numpy.zeros(a.shape)
    few[2, :4] = far
    assert 0.2 * far < first_moved(a + few) <= far


def test_another_basis_is_no_movement() -> None:
    a = DRAWN[FIRST][0].astype("f8")
    turn = numpy.linalg.qr(numpy.random.default_rng(1).normal(size=(len(a), len(a))))[0]
    near = numpy.linalg.qr(numpy.eye(len(a)) + 0.05 * turn)[0]
    near *= numpy.sign(numpy.diag(near))
    assert first_moved(near @ a) < 1e-6
    assert first_moved(1.1 * a) < 1e-6
    assert first_moved(near @ a, 190) < 1e-6
    # Far from the identity nothing is said, whatever was moved besides.
    assert first_moved(1.6 * a + 0.05) == 0.0


def test_what_is_looked_at_is_what_was_compared() -> None:
    """A part of a row alone, and rows that were not compared, tell nothing of themselves."""
    a = DRAWN[FIRST][0].astype("f8")
    later = a.copy()
    later[5:] += 0.03
    assert first_moved(later, 240) < 1e-6
    assert first_moved(later) > 0.018
    wide = {"one": (numpy.zeros((4, 600), "f4"), numpy.zeros((8, 4), "f4"))}
    drawn = factors(42, (("one", 600, 8),), rank=4)["one"][0].astype("f8")
    wide["one"] = ((drawn + 0.03).astype("f4"), wide["one"][1])
    weights, (only,) = begun_of(wide, sample=200)
    assert only.elements == 200
    assert 0.018 < moved_in_any_basis(only, weights) <= 0.03001
