"""Modules without a measure are named, the others are compared, and the relation follows from what is certain."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy
import pytest

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.adapters import compare
from auditor.model import AdapterComparison
from tests.builders.adapters import Array, P, config, factors, named, set_against, weights
from tests.builders.blobs import blob
from tests.builders.safetensors import make_safetensors

A, B = factors(1)
GOOD = named({"q": (A, B), "v": factors(2)})
A_NAME, B_NAME = f"{P}q.lora_A.weight", f"{P}q.lora_B.weight"


def with_value(value: float, at: tuple[int, int] = (3, 2)) -> dict[str, Array]:
    changed = B.copy()
    changed[at] = value
    return {**GOOD, B_NAME: changed}


def without(*names: str) -> dict[str, Array]:
    return {name: array for name, array in GOOD.items() if name not in names}


HEAD = "head/adapter_model.safetensors"
DAMAGED: Mapping[str, tuple[dict[str, Array], str]] = {
    "nan": (with_value(math.nan), f"tensor '{B_NAME}' in {HEAD} holds NaN or infinite values"),
    "infinity": (with_value(-math.inf), f"tensor '{B_NAME}' in {HEAD} holds NaN or infinite values"),
    "one factor": (without(B_NAME), f"{HEAD} holds only one factor of q"),
    "turned": ({**GOOD, B_NAME: B.T}, f"the factors of q in {HEAD} do not fit each other"),
    "cut": ({**GOOD, B_NAME: B[:, :2]}, f"the factors of q in {HEAD} do not fit each other"),
    "rank 0": ({**GOOD, A_NAME: A[:0], B_NAME: B[:, :0]}, f"the factors of q in {HEAD} have rank 0"),
    "other shape": (
        {**GOOD, A_NAME: A[:, :9]},
        "the update of q is [12, 10] on one side and [12, 9] on the other",
    ),
}


def only_v_was_compared(found: AdapterComparison, why: str) -> None:
    assert [(item.module, item.why) for item in found.uncompared] == [("q", why)]
    assert [(item.module, item.relative_distance) for item in found.modules] == [("v", 0.0)]
    assert found.relative_distance == 0.0


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_on_one_side_is_a_difference_and_the_rest_is_compared(case: str) -> None:
    damaged, why = DAMAGED[case]
    found = set_against(GOOD, damaged)
    only_v_was_compared(found, why)
    assert (found.relation, found.why) == ("different", why)
    assert "1 module not compared" in found.sentence
    back = set_against(damaged, GOOD)
    assert (back.relation, len(back.uncompared), len(back.modules)) == ("different", 1, 1)


@pytest.mark.parametrize("case", DAMAGED)
def test_the_same_damage_on_both_sides_is_no_difference(case: str) -> None:
    damaged, why = DAMAGED[case]
    found = set_against(damaged, damaged)
    if case == "other shape":
        assert (found.relation, found.uncompared) == ("identical", ())
        return
    why = f"{why.replace('head/', 'base/')}, and the other side holds the same numbers"
    only_v_was_compared(found, why)
    assert (found.relation, found.why) == ("identical", why)


def test_other_damage_on_both_sides_is_not_known() -> None:
    found = set_against(with_value(math.nan), with_value(math.nan, (4, 1)))
    assert (found.relation, [item.module for item in found.modules]) == ("not comparable", ["v"])


def test_a_difference_elsewhere_is_certain_whatever_is_not_known() -> None:
    other = {**with_value(math.nan, (4, 1)), f"{P}v.lora_B.weight": factors(9)[1]}
    found = set_against(with_value(math.nan), other)
    assert found.relation == "different"
    assert found.relative_distance is not None
    assert found.relative_distance > 0.1


def test_too_large_numbers_are_not_known() -> None:
    found = set_against(GOOD, with_value(1e200))
    only_v_was_compared(found, f"tensor '{A_NAME}' holds numbers too large for their squares")
    assert found.relation == "not comparable"


def test_a_rank_that_the_config_contradicts_leaves_the_scale_unknown() -> None:
    found = set_against(GOOD, GOOD, {}, {"rank_pattern": {"q": 8}})
    only_v_was_compared(found, f"q has rank 4 in {HEAD} and 8 in head/adapter_config.json")
    assert found.relation == "not comparable"
    both = set_against(GOOD, GOOD, {"rank_pattern": {"q": 8}}, {"rank_pattern": {"q": 8}})
    assert both.relation == "identical"
    settings = [{"rank_pattern": {"q": rank}, "alpha_pattern": {"q": rank}} for rank in (8, 16)]
    assert set_against(GOOD, GOOD, *settings).relation == "not comparable"
    many = set_against(GOOD, GOOD, {}, {"r": 8})
    assert (
        many.why == f"q has rank 4 in {HEAD} and 8 in head/adapter_config.json; 1 more module is not compared"
    )
    assert (many.relation, many.relative_distance, many.cosine, many.modules) == (
        "not comparable",
        None,
        None,
        (),
    )


def test_an_unknown_scaling_is_said() -> None:
    found = set_against(GOOD, GOOD, {"lora_alpha": "much"})
    assert found.relation == "not comparable"
    assert (
        found.why == "base/adapter_config.json does not tell the scaling of q; 1 more module is not compared"
    )


def test_factors_that_are_cut_off_are_said() -> None:
    data = make_safetensors(
        {A_NAME: ("F6_E2M3", (4, 10), bytes(30)), B_NAME: ("F6_E2M3", (12, 4), bytes(36))}
    )
    quantised = replace(AdapterWeights.parse(blob(data, HEAD)), blob=blob(data[:-1], HEAD))
    found = compare(weights(without(*list(GOOD)[2:]), "base"), config("base"), quantised, config())
    assert (found.relation, found.modules) == ("not comparable", ())
    assert found.why == f"{HEAD} ends in the middle of tensor '{B_NAME}'"
    # v is gone for certain, whatever q is.
    assert compare(weights(GOOD, "base"), config("base"), quantised, config()).relation == "different"


def test_a_module_that_is_absent_and_damaged_elsewhere() -> None:
    """No update on one side, none defined on the other."""
    found = set_against(without(A_NAME, B_NAME), with_value(math.nan))
    assert found.relation == "different"
    assert found.modules[0].module == "v"


def test_nan_in_a_magnitude_is_a_difference() -> None:
    name = f"{P}q.lora_magnitude_vector"
    good, bad = numpy.ones(12), numpy.ones(12)
    bad[0] = math.nan
    dora = {"use_dora": True}
    assert set_against({**GOOD, name: good}, {**GOOD, name: bad}, dora, dora).relation == "different"
    assert set_against({**GOOD, name: bad}, {**GOOD, name: bad}, dora, dora).relation == "identical"


def test_complex_factors_are_not_cut_to_their_real_parts() -> None:
    """safetensors holds complex64; a product of real parts alone would be an update that nobody made."""
    odd = {**GOOD, B_NAME: (B * (1 + 1j)).astype(numpy.complex64)}
    found = set_against(GOOD, odd)
    assert found.relation == "not comparable"
    only_v_was_compared(found, f"the factors of q in {HEAD} are complex numbers")
    assert set_against(odd, odd).relation == "identical"
