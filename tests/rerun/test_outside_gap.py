"""Tensors of an adapter that are no factor of an update: how far they are from the rerun's, and what follows."""

import math
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray

from auditor.model import RerunResult, Verdict
from auditor.rerun.judging.gaps import OUTSIDE, Gap, Pair
from auditor.rerun.judging.outside_gap import outside_gap
from auditor.rerun.judging.verdict import judge
from auditor.runs import Folder
from tests.builders.safetensors import entry, make_safetensors
from tests.rerun.variants import (
    WEIGHTS,
    arrays_of,
    committed,
    ledger_of,
    output,
    outputs,
    plan_of_fixture,
    run_of,
    scaled,
    without,
)

HEAD = "base_model.model.lm_head.weight"
DRAW = numpy.random.default_rng(3)
START, MOVED = (DRAW.normal(size=(5, 4)).astype("f4") for _ in range(2))
ENDED = START + MOVED / 10


def with_head(values: NDArray[Any], share: float = 0.0) -> dict[str, bytes]:
    """The fixture with a head that was trained whole, and its update times 1 + share."""
    files = scaled(committed(), share) if share else committed()
    for path in WEIGHTS:
        arrays = {**arrays_of(files[path]), HEAD: values}
        files[path] = make_safetensors({name: entry(array, None) for name, array in arrays.items()})
    return files


def gap(theirs: NDArray[Any], ours: NDArray[Any], start: NDArray[Any] | None = START) -> Gap | None:
    one, two = run_of(with_head(theirs)), run_of(with_head(ours))
    began = run_of(with_head(start) if start is not None else committed())
    pair = Pair("", 18, one.root, two.root, one.contents)
    return outside_gap(pair, Folder("init", began.root.artifacts))


def test_equal_bits_leave_nothing_to_say() -> None:
    assert gap(ENDED, ENDED) is None


def test_the_distance_is_relative_to_how_far_the_tensor_moved() -> None:
    """Half of the way: |0.5 m| / max(|m|, |1.5 m|) = 1/3 for the tensor that went half as far again."""
    found = gap(START + MOVED * 0.15, ENDED)
    assert found is not None
    assert found.distance == pytest.approx(1 / 3, rel=1e-5)
    assert (found.aspect, found.key, found.tensor) == ("weights", OUTSIDE, HEAD)


@pytest.mark.parametrize("start", [None, ENDED])
def test_a_tensor_that_nobody_moved_is_held_against_its_own_length(
    start: NDArray[Any] | None,
) -> None:
    found = gap(ENDED * numpy.float32(1.01), ENDED, start)
    assert found is not None
    assert found.distance == pytest.approx(0.01 / 1.01, rel=1e-3)


def test_rounding_to_bfloat16_is_within_what_the_type_rounds_away() -> None:
    short = (ENDED.view("u4") & 0xFFFF0000).view("f4")  # cut, so up to twice as far as rounding
    found = gap(short, ENDED)
    assert found is not None
    assert found.distance is not None
    assert 0 < found.distance / 2 <= found.coarse


def test_a_hole_is_infinitely_far() -> None:
    broken = ENDED.copy()
    broken[0, 0] = numpy.nan
    found = gap(broken, ENDED)
    assert found is not None
    assert found.distance == math.inf


BIAS = "base_model.model.lm_head.bias"


def with_tensors(**more: NDArray[Any]) -> dict[str, bytes]:
    """The fixture with a head and a bias besides."""
    files = committed()
    for path in WEIGHTS:
        arrays = {
            **arrays_of(files[path]),
            **{{"head": HEAD, "bias": BIAS}[name]: more[name] for name in more},
        }
        files[path] = make_safetensors({name: entry(array, None) for name, array in arrays.items()})
    return files


def between(theirs: dict[str, bytes], ours: dict[str, bytes], *, always: bool = False) -> Gap | None:
    """The gap of tensors that had no start."""
    one, two = run_of(theirs), run_of(ours)
    return outside_gap(Pair("", 18, one.root, two.root, one.contents), Folder("init", {}), always=always)


@pytest.mark.parametrize("farther", ["head", "bias"])
def test_the_tensor_that_is_farthest_away_is_named(farther: str) -> None:
    """Each by its own length: 1 % of one, and 3 % of the other."""
    ours = {"head": ENDED, "bias": MOVED[0]}
    theirs = {name: array * numpy.float32(1.03 if name == farther else 1.01) for name, array in ours.items()}
    found = between(with_tensors(**theirs), with_tensors(**ours))
    assert found is not None
    assert found.tensor == {"head": HEAD, "bias": BIAS}[farther]
    assert found.distance == pytest.approx(0.03 / 1.03, rel=1e-3)


def test_what_a_short_type_rounds_away_is_taken_off_first() -> None:
    """A head kept in bfloat16 is 0.2 % away by that alone (8 bits), farther than a bias that was edited by 0.1 %."""
    short = (ENDED.view("u4") & 0xFFFF0000).view("f4")
    ours = {"head": ENDED, "bias": MOVED[0]}
    found = between(with_tensors(head=short, bias=MOVED[0] * numpy.float32(1.001)), with_tensors(**ours))
    assert found is not None
    assert (found.tensor, found.coarse) == (BIAS, 0.0)
    alone = between(with_tensors(head=short, bias=MOVED[0]), with_tensors(**ours))
    assert alone is not None
    assert alone.tensor == HEAD
    assert 0.001 < (alone.distance or 0.0) < alone.coarse


@pytest.mark.parametrize("edited", [{}, {"head": ENDED[:, :3]}, {"bias": MOVED[0]}])
def test_what_has_no_counterpart_of_its_shape_is_not_measured(edited: dict[str, NDArray[Any]]) -> None:
    """`weights_gap` tells that such a tensor is missing, or of another shape."""
    assert between(with_tensors(**edited), with_tensors(head=ENDED)) is None


def test_factors_are_not_measured_twice() -> None:
    assert between(scaled(committed(), 0.1), committed(), always=True) is None


def test_equal_tensors_give_a_gap_where_one_is_always_wanted() -> None:
    found = between(with_tensors(head=ENDED), with_tensors(head=ENDED), always=True)
    assert found is not None
    assert (found.distance, found.coarse, found.slack) == (0.0, 0.0, 1e-6)


def test_a_tensor_of_zeros_is_equal_to_itself_and_has_no_length_to_be_near_by() -> None:
    zeros = numpy.zeros_like(ENDED)
    assert between(with_tensors(head=zeros), with_tensors(head=zeros)) is None
    for theirs, ours, distance in ((zeros, ENDED, math.inf), (ENDED, zeros, 1.0)):
        found = between(with_tensors(head=theirs), with_tensors(head=ours))
        assert found is not None
        assert found.distance == pytest.approx(distance)


@pytest.mark.parametrize("side", [0, 1])
def test_nothing_is_measured_where_a_side_has_no_adapter(side: int) -> None:
    both = [with_tensors(head=ENDED), with_tensors(head=ENDED * numpy.float32(2))]
    both[side] = without(both[side], *WEIGHTS)
    assert between(*both) is None


def verdict_on(theirs: NDArray[Any]) -> RerunResult:
    """The rerun's head is ENDED, the variation's 1e-6 of itself longer; its update is 2e-5 away."""
    files, made = with_head(theirs), with_head(ENDED)
    other = output(with_head(ENDED * numpy.float32(1 + 1e-6), 2e-5), "variation", "another instruction set")
    return judge(run_of(files), ledger_of(files), plan_of_fixture(), outputs(made, other))


def test_a_head_edited_in_every_copy_is_accused_although_the_update_is_the_recipes() -> None:
    edited = ENDED.copy()
    edited[2] *= numpy.float32(1.1)
    found = verdict_on(edited)
    assert found.verdict is Verdict.DIVERGED
    assert {item.at for item in found.aspects if item.verdict is Verdict.DIVERGED} == set(WEIGHTS)


def test_the_heads_noise_is_not_counted_as_that_of_the_update() -> None:
    assert verdict_on(ENDED).floor == pytest.approx(2e-5, rel=0.01)


def test_a_head_that_the_recipe_makes_is_identical() -> None:
    assert verdict_on(ENDED).verdict is Verdict.IDENTICAL
