"""A fused module and its parts are one question that an adapter does not answer: neither equal nor different."""

from typing import Any

import numpy
import pytest

from auditor.engine.inspect import side_by_side
from auditor.model import AdapterComparison
from tests.builders import adapter_folders as made

UP = "model.layers.0.mlp.up_proj"


def factors(parent: str, sizes: dict[str, int], seed: int = 1) -> dict[str, Any]:
    """Modules of so many outputs below a parent, all on 10 inputs."""
    generator = numpy.random.default_rng(seed)
    return {
        f"{parent}.{name}": (
            generator.normal(size=(made.RANK, 10)).astype("f4"),
            generator.normal(size=(size, made.RANK)).astype("f4"),
        )
        for name, size in {**sizes, "o_proj": 10}.items()
    }


def compared(one: dict[str, Any], two: dict[str, Any]) -> AdapterComparison:
    return side_by_side(made.snapshot(made.folder(one)), made.snapshot(made.folder(two))).comparison


CASES = [
    ("self_attn", {"qkv_proj": 24}, {"q_proj": 12, "k_proj": 6, "v_proj": 6}, "q_proj, k_proj and v_proj"),
    ("attention", {"query_key_value": 36}, {"query": 12, "value": 12}, "query and value"),
    ("attn1", {"to_qkv": 36}, {"to_q": 12}, "to_q"),
    ("mlp", {"gate_up_proj": 16}, {"gate_proj": 8, "up_proj": 8}, "gate_proj and up_proj"),
]


@pytest.mark.parametrize(("parent", "fused", "split", "parts"), CASES)
@pytest.mark.parametrize("turned", [False, True])
def test_what_is_fused_on_one_side_is_not_compared(
    parent: str, fused: dict[str, int], split: dict[str, int], parts: str, turned: bool
) -> None:
    """The output projection is the same on both sides, and is compared."""
    place = f"model.layers.0.{parent}"
    shared = {f"{place}.o_proj": factors(place, {})[f"{place}.o_proj"]}
    sides = [{**factors(place, some), **shared} for some in (fused, split)]
    found = compared(*(reversed(sides) if turned else sides))
    assert found.relation == "not comparable"
    assert [(item.module, item.relative_distance) for item in found.modules] == [(f"{place}.o_proj", 0.0)]
    names = {f"{place}.{name}" for name in (*fused, *split)}
    assert {item.module for item in found.uncompared} == names
    side = "base" if turned else "head"
    says = f"{place}.{next(iter(fused))} is {parts} on the {side}: fused and split modules are not compared"
    assert {item.why for item in found.uncompared} == {says}


def test_what_else_differs_makes_them_different() -> None:
    place = "model.layers.0.self_attn"
    found = compared(factors(place, {"qkv_proj": 24}), factors(place, {"q_proj": 24}, seed=2))
    assert found.relation == "different"
    assert {item.module for item in found.modules} == {f"{place}.o_proj"}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("model.layers.0.self_attn.qkv_proj", "model.layers.1.self_attn.q_proj"),
        ("model.layers.0.self_attn.qkv_proj", "model.layers.0.self_attn.up_proj"),
        ("model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj"),
    ],
)
def test_modules_that_are_no_part_of_each_other_are_different(one: str, two: str) -> None:
    pair = made.factors(1, ("x",))["x"]
    found = compared({one: pair}, {two: pair})
    assert (found.relation, found.uncompared) == ("different", ())


def test_both_ways_on_one_side_are_compared_with_what_is_there() -> None:
    """Names that both sides have are compared, whatever stands beside them."""
    pairs = made.factors(1, ("a.qkv_proj", "a.q_proj"))
    found = compared(pairs, {"a.qkv_proj": pairs["a.qkv_proj"]})
    assert (found.relation, found.uncompared) == ("subset", ())
