"""Effective updates against dense float64 products, and the relations that follow from them."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare import _factors
from auditor.compare.adapters import compare
from auditor.model import AdapterComparison
from tests.builders.blobs import blob
from tests.builders.safetensors import make_adapter, make_arrays

Array = NDArray[Any]
Side = Mapping[str, tuple[Array, Array]]
P = "base_model.model."
NAN = float("nan")


def adapter(data: bytes, side: str = "head") -> AdapterWeights:
    return AdapterWeights.parse(blob(data, f"{side}/adapter_model.safetensors"))


def config(side: str = "head", **values: object) -> AdapterConfig:
    raw = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, **values}
    return AdapterConfig.parse(blob(json.dumps(raw), f"{side}/adapter_config.json"))


def against(
    base: Side, head: Side, one: Mapping[str, Any] = {}, two: Mapping[str, Any] = {}
) -> AdapterComparison:
    """Compare two sets of factors under configs with r 4 and lora_alpha 8 unless changed."""
    return compare(
        adapter(make_adapter(base), "base"),
        config("base", **one),
        adapter(make_adapter(head), "head"),
        config("head", **two),
    )


def factors(seed: int, rank: int = 4, shape: tuple[int, int] = (12, 10)) -> tuple[Array, Array]:
    """Random (A, B) in float64."""
    generator = numpy.random.default_rng(seed)
    return generator.standard_normal((rank, shape[1])), generator.standard_normal((shape[0], rank))


def dense(side: Side, scaling: float) -> Array:
    """The updates of all modules, flat, as plain products."""
    return numpy.concatenate([(scaling * b @ a).reshape(-1) for a, b in side.values()])


def expected(base: Array, head: Array) -> tuple[float, float, float]:
    """Relative distance, cosine and scale from the definitions."""
    norms = float(numpy.linalg.norm(base)), float(numpy.linalg.norm(head))
    return (
        float(numpy.linalg.norm(base - head)) / max(norms),
        float(base @ head) / norms[0] / norms[1],
        norms[1] / norms[0],
    )


@pytest.mark.parametrize("relative", [1.0, 1e-1, 1e-3, 1e-6])
def test_a_small_change_is_measured_as_the_dense_product_measures_it(relative: float) -> None:
    """The dense difference itself is exact to about 1e-16 / relative, so 1e-9 is the dense side's own error."""
    base = {"q": factors(1), "v": factors(2, shape=(7, 9))}
    moved = {"q": factors(3), "v": factors(4, shape=(7, 9))}
    head = {n: (a + relative * moved[n][0], b + relative * moved[n][1]) for n, (a, b) in base.items()}
    found = against(base, head)
    distance, cosine, scale = expected(dense(base, 2.0), dense(head, 2.0))
    assert found.relation == "different"
    assert found.relative_distance == pytest.approx(distance, rel=1e-9)
    assert found.cosine == pytest.approx(cosine, abs=1e-12)
    assert found.scale == pytest.approx(scale, rel=1e-12)
    for item in found.modules:
        one, two = (dense({item.module: side[item.module]}, 2.0) for side in (base, head))
        assert item.base_norm == pytest.approx(float(numpy.linalg.norm(one)), rel=1e-12)
        assert item.head_norm == pytest.approx(float(numpy.linalg.norm(two)), rel=1e-12)
        assert item.relative_distance == pytest.approx(expected(one, two)[0], rel=1e-9)
        assert item.cosine == pytest.approx(expected(one, two)[1], abs=1e-12)
    assert [item.module for item in found.modules] == ["q", "v"]


def test_the_usual_gram_would_fail_where_this_one_holds() -> None:
    """n1^2 + n2^2 - 2 <W1, W2> in float64 keeps about 1e-16 / 1e-16 of a relative change of 1e-8."""
    a, b = factors(1)
    moved = (a, b * (1 + 1e-8))
    one, two = dense({"q": (a, b)}, 2.0), dense({"q": moved}, 2.0)
    naive = math.sqrt(abs(float(one @ one + two @ two - 2 * one @ two)) / float(two @ two))
    found = against({"q": (a, b)}, {"q": moved})
    assert found.relative_distance == pytest.approx(1e-8, rel=1e-6)
    assert abs(naive - 1e-8) > 1e-10


@pytest.mark.parametrize("ranks", [(4, 6), (6, 4), (1, 4)])
@pytest.mark.parametrize("relative", [1.0, 1e-3, 1e-6])
def test_ranks_may_differ(ranks: tuple[int, int], relative: float) -> None:
    """The larger rank holds the smaller one's factors and a small rest."""
    small, large = min(ranks), max(ranks)
    a, b = factors(1, small)
    more_a, more_b = factors(2, large - small)
    grown = (numpy.vstack((a, relative * more_a)), numpy.hstack((b, more_b)))
    base, head = ((a, b), grown) if ranks[0] == small else (grown, (a, b))
    alphas = ({"r": rank, "lora_alpha": 2 * rank} for rank in ranks)
    found = against({"q": base}, {"q": head}, *alphas)
    distance, cosine, scale = expected(dense({"q": base}, 2.0), dense({"q": head}, 2.0))
    assert found.relative_distance == pytest.approx(distance, rel=1e-9)
    assert found.cosine == pytest.approx(cosine, abs=1e-12)
    assert found.scale == pytest.approx(scale, rel=1e-12)


def test_equal_factors_are_identical() -> None:
    side = {"q": factors(1), "v": factors(2)}
    found = against(side, side)
    assert (found.relation, found.relative_distance, found.cosine, found.scale) == (
        "identical",
        0.0,
        1.0,
        1.0,
    )
    assert (found.base_path, found.head_path) == (
        "base/adapter_model.safetensors",
        "head/adapter_model.safetensors",
    )


def rotated(side: Side, seed: int = 9) -> Side:
    """The same update in another basis: A -> M^-1 A, B -> B M with a well-conditioned M."""
    changed = {}
    for name, (a, b) in side.items():
        rank = a.shape[0]
        m = numpy.random.default_rng(seed).standard_normal((rank, rank)) + 4 * numpy.eye(rank)
        changed[name] = (numpy.linalg.solve(m, a), b @ m)
    return changed


def test_another_basis_is_equivalent() -> None:
    side = {"q": factors(1), "v": factors(2)}
    found = against(side, rotated(side))
    assert found.relation == "equivalent"
    assert found.relative_distance is not None
    assert found.relative_distance < 1e-14


def test_another_basis_in_float32_is_equivalent() -> None:
    side = {"q": factors(1), "v": factors(2)}
    turned = {n: (a.astype("<f4"), b.astype("<f4")) for n, (a, b) in rotated(side).items()}
    found = against(side, turned)
    assert found.relation == "equivalent"
    assert found.relative_distance == pytest.approx(
        expected(
            dense(side, 2.0),
            dense({n: (a.astype("<f8"), b.astype("<f8")) for n, (a, b) in turned.items()}, 2.0),
        )[0],
        rel=1e-6,
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.floats(1e-7, 1.0))
@settings(deadline=None, max_examples=50)
def test_the_basis_of_either_side_does_not_matter(seed: int, rank: int, relative: float) -> None:
    """Distances stay what they are under A -> M^-1 A, B -> B M on one side, up to M's condition (below 1e3)."""
    base = {"q": factors(seed, rank)}
    moved = factors(seed + 1, rank)
    head = {"q": (base["q"][0] + relative * moved[0], base["q"][1] + relative * moved[1])}
    alpha = {"r": rank, "lora_alpha": rank}
    plain = against(base, head, alpha, alpha)
    turned = against(base, rotated(head, seed), alpha, alpha)
    assert plain.relative_distance is not None
    assert turned.relative_distance == pytest.approx(plain.relative_distance, abs=1e-11)
    assert turned.cosine == pytest.approx(plain.cosine, abs=1e-11)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 5))
@settings(deadline=None, max_examples=50)
def test_both_directions_agree(seed: int, one: int, two: int) -> None:
    base, head = {"q": factors(seed, one)}, {"q": factors(seed + 1, two)}
    there = against(base, head, {"r": one}, {"r": two})
    back = against(head, base, {"r": two}, {"r": one})
    assert there.relative_distance == pytest.approx(back.relative_distance, rel=1e-12)
    assert there.cosine == pytest.approx(back.cosine, abs=1e-12)
    assert there.scale is not None
    assert back.scale == pytest.approx(1 / there.scale, rel=1e-12)


def test_another_alpha_is_scaled() -> None:
    side = {"q": factors(1), "v": factors(2)}
    found = against(side, side, {"lora_alpha": 32}, {"lora_alpha": 16})
    assert (found.relation, found.scale) == ("scaled", 0.5)
    assert found.relative_distance == pytest.approx(0.5, rel=1e-12)
    assert found.cosine == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("relative", [1e-3, 1e-5])
def test_a_small_turn_is_no_scale(relative: float) -> None:
    """At 1e-5 the cosine is still within 1e-10 of 1."""
    a, b = factors(1)
    found = against({"q": (a, b)}, {"q": (a, 2 * b + relative * factors(2)[1])})
    assert found.relation == "different"
    assert found.cosine is not None
    assert found.cosine > 1 - relative**2


def test_half_the_alpha_and_twice_the_factor_is_equivalent() -> None:
    a, b = factors(1)
    found = against({"q": (a, b)}, {"q": (a, 2 * b)}, {"lora_alpha": 32}, {"lora_alpha": 16})
    assert (found.relation, found.relative_distance) == ("equivalent", 0.0)


def test_rank_stabilised_scaling_counts() -> None:
    """rsLoRA: alpha / sqrt(r) = 8 / 2 against 8 / 4."""
    side = {"q": factors(1)}
    found = against(side, side, {}, {"use_rslora": True})
    assert (found.relation, found.scale) == ("scaled", 2.0)


def test_the_opposite_update_is_different() -> None:
    a, b = factors(1)
    found = against({"q": (a, b)}, {"q": (a, -b)})
    assert (found.relation, found.cosine, found.scale) == ("different", -1.0, 1.0)
    assert found.relative_distance == pytest.approx(2.0, rel=1e-12)


def zeros(side: Side) -> Side:
    return {name: (a, numpy.zeros_like(b)) for name, (a, b) in side.items()}


def test_two_equal_zero_adapters_are_identical() -> None:
    side = zeros({"q": factors(1)})
    found = against(side, side)
    assert (found.relation, found.relative_distance, found.cosine, found.scale) == (
        "identical",
        0.0,
        1.0,
        None,
    )


def test_two_zero_updates_of_other_factors_are_equivalent() -> None:
    found = against(zeros({"q": factors(1)}), zeros({"q": factors(2)}))
    assert (found.relation, found.relative_distance) == ("equivalent", 0.0)
    assert found.why == "the factors differ but both updates are zero"


def test_nothing_against_something_is_different() -> None:
    side = {"q": factors(1)}
    found = against(zeros(side), side)
    assert (found.relation, found.relative_distance, found.cosine, found.scale) == (
        "different",
        1.0,
        0.0,
        None,
    )


def test_a_module_of_one_side_is_zero_on_the_other() -> None:
    both, alone = factors(1), factors(2)
    found = against({"q": both}, {"q": both, "v": alone})
    whole = dense({"q": both, "v": alone}, 2.0)
    assert found.relative_distance == pytest.approx(
        float(numpy.linalg.norm(dense({"v": alone}, 2.0)) / numpy.linalg.norm(whole)), rel=1e-12
    )
    last = found.modules[-1]
    assert (last.module, last.base_norm, last.relative_distance, last.cosine) == ("v", 0.0, 1.0, 0.0)
    assert found.relation == "subset"


def test_factors_larger_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 3 rows over 12 and 10: the last is cut short."""
    base, head = {"q": factors(1)}, {"q": factors(2)}
    whole = against(base, head)
    monkeypatch.setattr(_factors, "BLOCK", 12)
    cut = against(base, head)
    turned = against(base, rotated(base))
    assert cut.relative_distance == pytest.approx(whole.relative_distance, rel=1e-13)
    assert turned.relation == "equivalent"
    assert turned.relative_distance == pytest.approx(0, abs=1e-14)


def test_rank_above_the_dimensions() -> None:
    """r 4 over a 3 x 2 weight: QR blocks are wider than tall."""
    base, head = {"q": factors(1, 4, (3, 2))}, {"q": factors(2, 4, (3, 2))}
    found = against(base, head)
    assert found.relative_distance == pytest.approx(
        expected(dense(base, 2.0), dense(head, 2.0))[0], rel=1e-12
    )
    assert against(base, rotated(base)).relation == "equivalent"


def test_convolutions_and_embeddings() -> None:
    """A kernel's dimensions are columns of A; an embedding's update is B A transposed, of the same norm."""
    a, b = factors(1, shape=(6, 18))
    one = {
        f"{P}conv.lora_A.weight": a.reshape(4, 2, 3, 3),
        f"{P}conv.lora_B.weight": b.reshape(6, 4, 1, 1),
        f"{P}embed.lora_embedding_A": a,
        f"{P}embed.lora_embedding_B": b,
    }
    two = {name: 2 * array if name.endswith(("B", "B.weight")) else array for name, array in one.items()}
    found = compare(adapter(make_arrays(one)), config(), adapter(make_arrays(two)), config())
    norm = float(numpy.linalg.norm(2.0 * b @ a))
    assert (found.relation, found.scale) == ("scaled", 2.0)
    assert [item.module for item in found.modules] == ["conv", "embed"]
    assert [item.base_norm for item in found.modules] == pytest.approx([norm, norm], rel=1e-12)


# What keeps adapters from being compared


A, B = factors(1)
GOOD = make_adapter({"q": (A, B)})


def test_methods_without_a_common_measure() -> None:
    found = compare(adapter(GOOD, "base"), config("base"), adapter(GOOD), config(peft_type="IA3"))
    assert (found.relation, found.relative_distance, found.modules) == ("not comparable", None, ())
    assert found.why == (
        "base/adapter_config.json is LORA and head/adapter_config.json IA3: methods change a model in ways that have "
        "no common measure"
    )


def test_no_lora_at_all() -> None:
    found = compare(adapter(GOOD), config(), adapter(make_arrays({"score.weight": A})), config())
    assert found.relation == "not comparable"
    assert found.why == "head/adapter_model.safetensors holds no LoRA tensors"


# Tensors outside LoRA


def test_another_head_makes_equal_updates_different() -> None:
    one = make_adapter({"q": (A, B)}, {"score.weight": numpy.ones(3)})
    two = make_adapter({"q": (A, B)}, {"score.weight": numpy.zeros(3)})
    found = compare(adapter(one), config(), adapter(two), config())
    assert (found.relation, found.relative_distance) == ("different", 0.0)
    assert found.why == "tensors outside LoRA differ: 'score.weight'"
    assert compare(adapter(one), config(), adapter(one), config()).relation == "identical"
    missing = compare(adapter(GOOD), config(), adapter(one), config())
    assert (missing.relation, missing.why) == ("different", "tensors outside LoRA differ: 'score.weight'")


def test_a_copy_of_the_base_may_be_on_one_side_only() -> None:
    name = f"{P}lm_head.base_layer.weight"
    one = make_adapter({"q": (A, B)}, {name: numpy.ones(3)})
    assert compare(adapter(one), config(), adapter(GOOD), config()).relation == "identical"
    other = make_adapter({"q": (A, B)}, {name: numpy.zeros(3)})
    found = compare(adapter(one), config(), adapter(other), config())
    assert (found.relation, found.why) == ("different", f"tensors outside LoRA differ: '{name}'")


def test_many_differing_tensors_are_counted() -> None:
    one = make_adapter({"q": (A, B)}, {f"bias.{n}": numpy.ones(1) for n in range(5)})
    two = make_adapter({"q": (A, B)}, {f"bias.{n}": numpy.zeros(1) for n in range(5)})
    found = compare(adapter(one), config(), adapter(two), config())
    assert found.why == "tensors outside LoRA differ: 'bias.0', 'bias.1', 'bias.2' and 2 more"
