"""DoRA: directions and magnitudes are told apart; what is merged is said only where it follows without the base."""

import numpy
import pytest

from tests.builders.adapters import Array, P, factors, named, set_against

A, B = factors(1)
NAME = f"{P}q.lora_magnitude_vector"
LENGTHS = numpy.random.default_rng(5).uniform(0.5, 2, 12)
DORA = {"use_dora": True}
NEEDS = "what the merged update is depends on the base model's weights"


def adapter(a: Array = A, b: Array = B, lengths: Array | None = LENGTHS) -> dict[str, Array]:
    return {**named({"q": (a, b)}), **({} if lengths is None else {NAME: lengths})}


def turned() -> tuple[Array, Array]:
    matrix = numpy.random.default_rng(3).standard_normal((4, 4)) + 4 * numpy.eye(4)
    return numpy.linalg.solve(matrix, A), B @ matrix


def merged(a: Array, b: Array, lengths: Array, base: Array) -> Array:
    """peft 0.21.2, tuners/lora/dora.py: each row of the base plus the update is brought to the magnitude's length."""
    whole = base + 2.0 * b @ a
    made: Array = lengths[:, None] * whole / numpy.linalg.norm(whole, axis=1, keepdims=True)
    return made


def test_equal_in_everything_is_identical() -> None:
    found = set_against(adapter(), adapter(), DORA, DORA)
    assert (found.relation, found.why) == ("identical", None)
    assert [item.magnitude_distance for item in found.modules] == [0.0]


def test_another_basis_with_equal_magnitudes_merges_to_the_same_whatever_the_base() -> None:
    found = set_against(adapter(), adapter(*turned()), DORA, DORA)
    assert (found.relation, found.why) == ("equivalent", None)
    for seed in range(3):
        base = numpy.random.default_rng(seed).standard_normal((12, 10))
        assert merged(*turned(), LENGTHS, base) == pytest.approx(merged(A, B, LENGTHS, base), rel=1e-9)


def test_other_magnitudes_are_a_difference_of_their_own() -> None:
    longer = LENGTHS.copy()
    longer[3] *= 1.5
    found = set_against(adapter(), adapter(lengths=longer), DORA, DORA)
    gap = float(numpy.linalg.norm(longer - LENGTHS) / numpy.linalg.norm(longer))
    assert (found.relation, found.relative_distance) == ("different", 0.0)
    assert found.modules[0].magnitude_distance == pytest.approx(gap, rel=1e-12)
    assert found.farthest == found.modules[0]
    assert found.why == (
        f"the direction updates are identical, the magnitude vectors differ (most in q, {gap:.3g}), and {NEEDS}"
    )


def test_other_directions_are_a_difference_of_their_own() -> None:
    found = set_against(adapter(), adapter(b=2 * B), DORA, DORA)
    assert found.relation == "different"
    assert found.scale == pytest.approx(2.0, rel=1e-12)
    assert found.why == f"the direction updates are scaled, the magnitude vectors are equal, and {NEEDS}"
    base = numpy.random.default_rng(0).standard_normal((12, 10))
    assert not numpy.allclose(merged(A, 2 * B, LENGTHS, base), merged(A, B, LENGTHS, base), rtol=0.01)


def test_magnitudes_that_differ_by_rounding_are_equivalent() -> None:
    found = set_against(adapter(), adapter(lengths=LENGTHS.astype("f4").astype("f8")), DORA, DORA)
    assert found.relation == "equivalent"


def test_dora_on_one_side() -> None:
    """LoRA can be written as DoRA with the lengths of the merged rows, so equal directions prove nothing."""
    found = set_against(adapter(), adapter(lengths=None), DORA, {})
    assert found.relation == "not comparable"
    assert found.why == f"only the base is DoRA; the direction updates are equal, and {NEEDS}"
    other = set_against(adapter(lengths=None), adapter(b=factors(9)[1]), {}, DORA)
    assert other.relation == "different"
    assert other.why == f"only the head is DoRA; the direction updates differ, and {NEEDS}"


def test_a_magnitude_of_one_side_or_of_another_length() -> None:
    both = named({"q": (A, B), "v": factors(2)})
    v = f"{P}v.lora_magnitude_vector"
    found = set_against({**both, NAME: LENGTHS, v: LENGTHS}, {**both, NAME: LENGTHS}, DORA, DORA)
    assert found.relation == "different"
    assert [item.magnitude_distance for item in found.modules] == [0.0, 1.0]
    cut = set_against(adapter(), adapter(lengths=LENGTHS[:5]), DORA, DORA)
    assert (cut.relation, cut.modules[0].magnitude_distance) == ("different", float("inf"))


def test_magnitudes_that_one_config_does_not_use() -> None:
    found = set_against(adapter(), adapter(), DORA, {})
    assert (found.relation, found.why) == ("different", "adapter_config.json differs in use_dora")


def test_fewer_dora_modules_are_a_subset() -> None:
    more = {**adapter(), **named({"v": factors(2)}), f"{P}v.lora_magnitude_vector": LENGTHS}
    assert set_against(more, adapter(), DORA, DORA).relation == "subset"
