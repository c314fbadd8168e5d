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
