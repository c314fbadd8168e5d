"""What must hold for any two adapters: exact distances, invariances, symmetry, the triangle inequality."""

import math
from collections.abc import Mapping
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.adapters import compare
from auditor.model import AdapterComparison
from tests.builders.adapters import Array, P, Side, config, factors, named, set_against, weights
from tests.builders.blobs import blob
from tests.builders.pickles import Tensor, make_torch
from tests.builders.safetensors import entry, make_safetensors

SEEDS = st.integers(0, 2**32 - 1)


def turned(side: Side, seed: int) -> dict[str, tuple[Array, Array]]:
    """A -> M^-1 A, B -> B M with a well-conditioned M of each module's own rank."""
    generator = numpy.random.default_rng(seed)
    found = {}
    for name, (a, b) in side.items():
        matrix = generator.standard_normal((len(a), len(a))) + 2 * len(a) * numpy.eye(len(a))
        found[name] = numpy.linalg.solve(matrix, a), b @ matrix
    return found


def dense(side: Side, scalings: Mapping[str, float]) -> Array:
    return numpy.concatenate([(scalings[name] * b @ a).reshape(-1) for name, (a, b) in side.items()])


def absolute(found: AdapterComparison) -> float:
    """The distance in weight units."""
    assert found.relative_distance is not None
    norms = [
        math.hypot(*(norm for norm in side))
        for side in zip(*((m.base_norm, m.head_norm) for m in found.modules), strict=True)
    ]
    return found.relative_distance * max(norms)


@given(
    SEEDS,
    st.sampled_from([1.0, 1e-3, 1e-6]),
    st.sampled_from([0, 1, 2]),
    st.sampled_from([(7, 9), (7, 2), (1, 9), (2, 2)]),
    st.tuples(st.booleans(), st.booleans()),
    st.tuples(st.sampled_from([0.5, 3, 8, 16]), st.sampled_from([0.5, 3, 8, 16])),
)
@settings(deadline=None, max_examples=60)
def test_distances_are_exact_under_every_setting(
    seed: int,
    relative: float,
    more: int,
    shape: tuple[int, int],
    rslora: tuple[bool, bool],
    alphas: tuple[float, float],
) -> None:
    """Ranks grow by ``more``, also above the dimensions, alpha and rsLoRA differ, patterns give one module its own.

    Dense float64 differences are themselves exact to about 1e-16 / relative.
    """
    one = {"q": factors(seed, 3), "v": factors(seed + 1, 2, shape)}
    two = {}
    for place, (name, (a, b)) in enumerate(one.items()):
        noise = factors(seed + 5 + place, len(a), (len(b), a.shape[1]))
        extra = factors(seed + 9 + place, more, (len(b), a.shape[1]))
        two[name] = (
            numpy.vstack((a + relative * noise[0], relative * extra[0])),
            numpy.hstack((b + relative * noise[1], extra[1])),
        )
    raws = [
        {
            "r": 3 + grown,
            "lora_alpha": alpha,
            "use_rslora": stable,
            "rank_pattern": {"v": 2 + grown},
            "alpha_pattern": {"v": 2 * alpha},
        }
        for grown, stable, alpha in zip((0, more), rslora, alphas, strict=True)
    ]
    scalings = [
        {
            "q": alpha / (math.sqrt(3 + grown) if stable else 3 + grown),
            "v": 2 * alpha / (math.sqrt(2 + grown) if stable else 2 + grown),
        }
        for grown, stable, alpha in zip((0, more), rslora, alphas, strict=True)
    ]
    found = set_against(named(one), named(two), *raws)
    x, y = dense(one, scalings[0]), dense(two, scalings[1])
    norms = float(numpy.linalg.norm(x)), float(numpy.linalg.norm(y))
    assert found.relative_distance == pytest.approx(float(numpy.linalg.norm(x - y)) / max(norms), rel=1e-9)
    assert found.scale == pytest.approx(norms[1] / norms[0], rel=1e-12)
    assert found.cosine == pytest.approx(float(x @ y) / norms[0] / norms[1], abs=1e-12)


@pytest.mark.parametrize("relative", [1e-3, 1e-6])
def test_convolutions_and_embeddings_are_exact(relative: float) -> None:
    a, b = factors(1, shape=(6, 18))
    moved = a + relative * factors(2, shape=(6, 18))[0]
    sides = [
        {
            f"{P}conv.lora_A.weight": x.reshape(4, 2, 3, 3),
            f"{P}conv.lora_B.weight": b.reshape(6, 4, 1, 1),
            f"{P}embed.lora_embedding_A": x,
            f"{P}embed.lora_embedding_B": b,
        }
        for x in (a, moved)
    ]
    found = set_against(*sides)
    one, two = 2.0 * b @ a, 2.0 * b @ moved
    gap = float(numpy.linalg.norm(one - two) / max(numpy.linalg.norm(one), numpy.linalg.norm(two)))
    assert [m.relative_distance for m in found.modules] == pytest.approx([gap, gap], rel=1e-9)


@given(SEEDS, st.integers(1, 6), st.sampled_from(["f8", "f4"]))
@settings(deadline=None, max_examples=40)
def test_another_basis_is_equivalent(seed: int, rank: int, dtype: str) -> None:
    side = {"q": factors(seed, rank), "v": factors(seed + 1, rank, (7, 9))}
    one, two = (
        {name: array.astype(dtype) for name, array in named(item).items()}
        for item in (side, turned(side, seed))
    )
    found = set_against(one, two, {"r": rank}, {"r": rank})
    assert found.relation == "equivalent", found.sentence
    back = set_against(two, one, {"r": rank}, {"r": rank})
    assert back.relation == "equivalent"


def conditioned(side: Side, seed: int, condition: float, dtype: str) -> dict[str, tuple[Array, Array]]:
    """`turned` by a matrix of that condition, computed in ``dtype``."""
    generator = numpy.random.default_rng(seed)
    found = {}
    for name, (a, b) in side.items():
        left, _, right = numpy.linalg.svd(generator.standard_normal((len(a), len(a))))
        matrix = (left * numpy.geomspace(1, 1 / condition, len(a)) @ right).astype(dtype)
        found[name] = numpy.linalg.solve(matrix, a.astype(dtype)), b.astype(dtype) @ matrix
    return found


@given(
    SEEDS, st.integers(2, 8), st.floats(1, 1e3), st.sampled_from(["f8", "f4"]), st.sampled_from([1, 3, 0.37])
)
@settings(deadline=None, max_examples=60)
def test_a_basis_of_any_condition_is_told_in_float32(
    seed: int, rank: int, condition: float, dtype: str, k: float
) -> None:
    """However far it makes rounding move the update; the same update at k times its length is scaled.

    Whoever solves in float32 too loses as much again by the condition, so that theirs is kept small.
    """
    condition = condition if dtype == "f8" else 1 + condition / 100
    side = {name: factors(seed + n, rank, (30, 24)) for n, name in enumerate("qv")}
    head = conditioned(side, seed, condition, dtype)
    one, two = ({n: x.astype("f4") for n, x in named(item).items()} for item in (side, head))
    raw = {"r": rank, "lora_alpha": 8}
    found = set_against(one, two, raw, {**raw, "lora_alpha": 8 * k})
    assert found.relation == ("equivalent" if k == 1 else "scaled"), found.sentence
    assert found.scale == pytest.approx(k, rel=1e-4)
    back = set_against(two, one, {**raw, "lora_alpha": 8 * k}, raw)
    assert back.relation == found.relation


@given(SEEDS, st.floats(1, 10), st.sampled_from([0.0, 0.05]))
@settings(deadline=None, max_examples=30)
def test_sixteen_bits_leave_open_whether_another_basis_is_another_update(
    seed: int, condition: float, change: float
) -> None:
    """It is called different, and that rounding may be all is said; of a change of 5 % it is not."""
    a, b = factors(seed, 8, (30, 24))
    other = b * (1 + change * numpy.random.default_rng(seed).standard_normal(b.shape))
    head = conditioned({"q": (a, other)}, seed, condition, "f8")
    one, two = ({n: x.astype("f2") for n, x in named(item).items()} for item in ({"q": (a, b)}, head))
    found = set_against(one, two, {"r": 8}, {"r": 8})
    says = "no further apart than rounding moves the factors of one update in two bases"
    assert (found.relation, found.why) == ("different", None if change else says)


@given(SEEDS, st.floats(1, 1e3))
@settings(deadline=None, max_examples=30)
def test_rounding_excuses_no_change_of_the_update(seed: int, condition: float) -> None:
    """In one basis factors that move by 2e-6 of themselves are another update; in any, one that moves by 3e-4."""
    side: Side = {"q": factors(seed, 8, (30, 24))}
    noise = numpy.random.default_rng(seed + 1)
    a, b = side["q"]
    moved = [x * (1 + 2e-6 * noise.standard_normal(x.shape)) for x in (a, b)]
    near: Side = {"q": (moved[0], moved[1])}
    far: Side = {"q": (a, b + 3e-4 * noise.standard_normal(b.shape))}
    pairs = ((side, near), (side, conditioned(far, seed, condition, "f8")))
    for pair in pairs:
        one, two = ({n: x.astype("f4") for n, x in named(item).items()} for item in pair)
        assert set_against(one, two, {"r": 8}, {"r": 8}).relation == "different"


def test_factors_that_cancel_hide_less_than_one_part_in_ten_thousand() -> None:
    """Huge columns that cancel round to more than the update: the excuse ends at 1e-4 of it."""
    a, b = factors(1, 2, (30, 24))
    huge = 1e4 * factors(2, 1, (30, 24))[1]
    one, two = (
        {
            n: x.astype("f4")
            for n, x in named(
                {"q": (numpy.vstack((a, a[:1], a[:1])), numpy.hstack((b * (1, 1 + change), huge, -huge)))}
            ).items()
        }
        for change in (0, 6e-4)
    )
    found = set_against(one, two)
    assert found.relation == "different"
    assert found.relative_distance is not None
    assert 1e-4 < found.relative_distance < 6e-4


@given(SEEDS, st.permutations(range(6)), st.sampled_from(["f8", "f4", "f2"]))
@settings(deadline=None, max_examples=30)
def test_order_and_container_of_the_file_do_not_matter(seed: int, order: list[int], dtype: str) -> None:
    side = {f"layers.{i}.q": factors(seed + i) for i in range(3)}
    arrays = {name: array.astype(dtype) for name, array in named(side).items()}
    shuffled = dict(list(arrays.items())[i] for i in order)
    word = {"f8": "float64", "f4": "float32", "f2": "float16"}[dtype]
    tensors = {n: Tensor(a.reshape(-1).tolist(), a.shape, word) for n, a in shuffled.items()}
    torch_file = AdapterWeights.parse(blob(make_torch(tensors), "head/adapter_model.bin"))
    other = named({name: factors(seed + 50) for name in side})
    plain = set_against(other, arrays)
    assert set_against(arrays, shuffled).relation == "identical"
    assert compare(weights(arrays, "base"), config("base"), torch_file, config()).relation == "identical"
    again = compare(weights(other, "base"), config("base"), torch_file, config())
    assert again.relative_distance == pytest.approx(plain.relative_distance, rel=1e-13)
    assert again.cosine == pytest.approx(plain.cosine, abs=1e-13)


@given(SEEDS, st.floats(1e-4, 1e4).filter(lambda k: abs(k - 1) > 1e-3), st.booleans())
@settings(deadline=None, max_examples=60)
def test_another_alpha_is_scaled_by_its_ratio(seed: int, k: float, basis: bool) -> None:
    side = {"q": factors(seed), "v": factors(seed + 1)}
    head = turned(side, seed) if basis else side
    found = set_against(named(side), named(head), {"lora_alpha": 8}, {"lora_alpha": 8 * k})
    assert found.relation == "scaled"
    assert found.scale == pytest.approx(k, rel=1e-9)
    assert found.sentence == f"scaled by {k:.6g}: the head's update is the base's times that"


@given(SEEDS, st.integers(1, 4), st.integers(1, 4), st.sampled_from([1.0, 1e-5]))
@settings(deadline=None, max_examples=40)
def test_distance_is_symmetric_and_obeys_the_triangle_inequality(
    seed: int, first: int, second: int, relative: float
) -> None:
    a, b = factors(seed, first)
    noise = factors(seed + 1, first)
    sides = [
        ({"q": (a, b)}, first),
        ({"q": (a + relative * noise[0], b + relative * noise[1])}, first),
        ({"q": factors(seed + 2, second)}, second),
    ]

    def distance(i: int, j: int) -> float:
        raws: list[dict[str, Any]] = [{"r": sides[n][1], "lora_alpha": sides[n][1]} for n in (i, j)]
        return absolute(set_against(named(sides[i][0]), named(sides[j][0]), *raws))

    there = {(i, j): distance(i, j) for i in range(3) for j in range(3)}
    for i in range(3):
        assert there[i, i] == 0
        for j in range(3):
            assert there[i, j] == pytest.approx(there[j, i], rel=1e-9)
            for via in range(3):
                assert there[i, j] <= (there[i, via] + there[via, j]) * (1 + 1e-9)


def test_a_short_module_counts_as_much_as_a_long_one() -> None:
    """Over all modules the distance is 1e-8; in v everything is another training's."""
    long, short = factors(1), factors(2)
    base = {"q": long, "v": (short[0], 1e-8 * short[1])}
    head = {"q": long, "v": (factors(3)[0], 1e-8 * short[1])}
    found = set_against(named(base), named(head))
    assert found.relative_distance is not None
    assert found.relative_distance < 1e-6
    assert found.relation == "different"
    assert found.farthest is not None
    assert found.farthest.module == "v"
    scaled = set_against(named(base), named({"q": (long[0], 2 * long[1]), "v": head["v"]}))
    assert scaled.relation == "different"


def test_factors_that_cancel_hide_no_change() -> None:
    """Two huge columns cancel; what is left of the head is another update, below the rounding of its factors."""
    a, b = factors(1, 2)
    huge = 1e6 * factors(2, 1)[1]
    sides = [
        (numpy.vstack((a, a[:1], a[:1])), numpy.hstack((b * (1, 1 + change), huge, -huge)))
        for change in (0, 1e-3)
    ]
    one, two = ({name: array.astype("f4") for name, array in named({"q": side}).items()} for side in sides)
    assert set_against(one, one).relation == "identical"
    found = set_against(one, two)
    assert found.relation == "different"
    exact = [
        2 * s[f"{P}q.lora_B.weight"].astype("f8") @ s[f"{P}q.lora_A.weight"].astype("f8") for s in (one, two)
    ]
    gap = float(numpy.linalg.norm(exact[0] - exact[1]) / numpy.linalg.norm(exact[1]))
    assert found.relative_distance == pytest.approx(gap, rel=1e-3)


@pytest.mark.parametrize("rank", [4, 5])
def test_the_norm_of_factors_that_cancel(rank: int) -> None:
    """|B A| is 1e-4 of |B| |A|: Gram matrices would keep 8 digits, the dense product keeps 12."""
    a, b = factors(1, 2)
    huge = 1e4 * factors(2, 1)[1]
    ((_, one),) = turned({"q": (numpy.vstack((a, a[:1], a[:1])), numpy.hstack((b, huge, -huge)))}, 1).items()
    found = set_against(named({"q": one}), named({"q": factors(3, rank)}), {}, {"r": rank})
    assert found.modules[0].base_norm == pytest.approx(
        float(numpy.linalg.norm(2 * one[1] @ one[0])), rel=1e-10
    )


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_a_rank_above_the_dimensions(dtype: str) -> None:
    """Then the product is formed: equal factors are identical, other factors of one product are equivalent."""
    side = {"q": factors(1, 4, (3, 2)), "v": factors(2, 4, (2, 30)), "w": factors(3, 4, (30, 1))}
    one, two = ({n: x.astype(dtype) for n, x in named(s).items()} for s in (side, turned(side, 1)))
    assert set_against(one, one).relation == "identical"
    assert set_against(one, two).relation == "equivalent"
    longer = set_against(one, one, {"lora_alpha": 8}, {"lora_alpha": 24})
    assert longer.relation == "scaled"
    assert longer.scale == pytest.approx(3, rel=1e-12)
    name = f"{P}v.lora_A.weight"
    unseen = numpy.linalg.svd(one[f"{P}v.lora_B.weight"].astype("f8"))[2][2:].T @ factors(5, 2, (1, 30))[0]
    hidden = set_against(one, {**one, name: (one[name] + unseen).astype(dtype)})
    assert hidden.relation == "equivalent"
    less = {n: x for n, x in one.items() if ".v." not in n}
    assert set_against(one, less).relation == "subset"
    broken = {**one, f"{P}q.lora_A.weight": one[f"{P}q.lora_A.weight"] * numpy.nan}
    assert [item.module for item in set_against(one, broken).uncompared] == ["q"]


@pytest.mark.parametrize("alphas", [(0, 0), (0, 8), (8, 0)])
def test_alpha_zero(alphas: tuple[int, int]) -> None:
    side = named({"q": factors(1)})
    found = set_against(side, side, *({"lora_alpha": alpha} for alpha in alphas))
    assert found.relation == ("identical" if alphas[0] == alphas[1] else "different")
    if found.relation == "different":
        nothing = "base" if alphas[0] == 0 else "head"
        assert found.why == f"the {nothing} changes nothing: its update is zero in every module"
    other = set_against(side, named({"q": factors(2)}), {"lora_alpha": 0}, {"lora_alpha": 0})
    assert (other.relation, other.why) == ("equivalent", "the factors differ but both updates are zero")


@pytest.mark.parametrize(
    ("one", "two"), [((2, 0), (3, 8)), ((2, 8), (3, 0)), ((3, 0), (3, 8)), ((3, 8), (3, 0))]
)
def test_alpha_zero_beside_another_rank(one: tuple[int, int], two: tuple[int, int]) -> None:
    sides = [named({"q": factors(1, rank)}) for rank, _ in (one, two)]
    raws = [{"r": rank, "lora_alpha": alpha} for rank, alpha in (one, two)]
    found = set_against(*sides, *raws)
    assert (found.relation, found.relative_distance, found.cosine) == ("different", 1.0, 0.0)


@pytest.mark.parametrize("rank", [2, 4])
def test_subsets_of_either_side(rank: int) -> None:
    whole = named({name: factors(n, rank) for n, name in enumerate("abc")})
    part = {name: array for name, array in whole.items() if ".b." not in name}
    raw = {"r": rank}
    less, more = set_against(whole, part, raw, raw), set_against(part, whole, raw, raw)
    assert (less.relation, more.relation) == ("subset", "subset")
    ending = "are equal in the {}, which has no update of the others"
    assert less.sentence == f"subset: 2 of the 3 modules that the base updates {ending.format('head')}"
    assert more.sentence == f"subset: 2 of the 3 modules that the head updates {ending.format('base')}"
    zero = {name: 0 * array if "b.lora_B" in name else array for name, array in whole.items()}
    assert set_against(whole, zero, raw, raw).relation == "subset"
    neither = {name: array for name, array in whole.items() if ".a." not in name}
    assert set_against(part, neither, raw, raw).relation == "different"
    changed = {name: array * (1 + 1e-5 * ("a.lora_B" in name)) for name, array in part.items()}
    assert set_against(whole, changed, raw, raw).relation == "different"


@pytest.mark.parametrize(
    "setting", [{"layer_replication": [[0, 4], [2, 5]]}, {"alora_invocation_tokens": [7]}]
)
def test_settings_that_make_equal_factors_do_something_else(setting: dict[str, Any]) -> None:
    side = named({"q": factors(1)})
    found = set_against(side, side, {}, setting)
    (key,) = setting
    assert (found.relation, found.why) == ("different", f"adapter_config.json differs in {key}")
    assert set_against(side, side, setting, setting).relation == "identical"


def test_tensors_that_one_config_does_not_target() -> None:
    """PEFT loads with strict=False: what is not targeted is left out without an error."""
    side = named(
        {"layers.0.q_proj": factors(1), "layers.1.q_proj": factors(2), "layers.0.v_proj": factors(3)}
    )
    both, less = {"target_modules": ["q_proj", "v_proj"]}, {"target_modules": ["v_proj"]}
    found = set_against(side, side, both, less)
    says = "{}/adapter_config.json does not target layers.0.q_proj and 1 more, so PEFT loads no update there"
    assert (found.relation, found.why) == ("different", says.format("head"))
    assert set_against(side, side, less, both).why == says.format("base")
    assert set_against(side, side, both, {"target_modules": ["v_proj", "q_proj"]}).relation == "identical"
    assert set_against(side, side, both, {"target_modules": r".*\.(q|v)_proj"}).relation == "identical"
    assert set_against(side, side, both, {"target_modules": "all-linear"}).relation == "identical"


def test_weights_of_another_kind_under_one_name() -> None:
    a, b = factors(1, shape=(6, 18))
    linear = {f"{P}q.lora_A.weight": a, f"{P}q.lora_B.weight": b}
    conv = {f"{P}q.lora_A.weight": a.reshape(4, 2, 3, 3), f"{P}q.lora_B.weight": b.reshape(6, 4, 1, 1)}
    embedding = {f"{P}q.lora_embedding_A": a, f"{P}q.lora_embedding_B": b}
    pointwise = {f"{P}q.lora_A.weight": a.reshape(4, 18, 1, 1), f"{P}q.lora_B.weight": b.reshape(6, 4, 1, 1)}
    assert (
        set_against(linear, conv).why
        == "the update of q is [6, 18] on one side and [6, 2, 3, 3] on the other"
    )
    assert set_against(linear, embedding).why == (
        "q is an embedding on one side only, whose update is the transpose of B A"
    )
    assert {set_against(linear, other).relation for other in (conv, embedding)} == {"different"}
    assert set_against(linear, pointwise).relation == "identical"


@pytest.mark.parametrize("narrow", ["f4", "f2"])
def test_rounding_is_told_in_both_directions(narrow: str) -> None:
    wide = {**named({"q": factors(1)}), "score.weight": factors(2)[0]}
    short = {name: array.astype(narrow) for name, array in wide.items()}
    word = {"f4": "F32", "f2": "F16"}[narrow]
    there, back = set_against(wide, short), set_against(short, wide)
    for found, side, source in ((there, "head", "base"), (back, "base", "head")):
        assert found.relation == "different"
        assert found.why is not None
        assert found.why.endswith(f"every number of the {side} is the {source}'s, rounded to {word}")
    name = f"{P}q.lora_B.weight"
    nudged = {**short, name: numpy.nextafter(short[name], numpy.array(9, narrow))}
    assert "rounded" not in (set_against(wide, nudged).why or "")


def test_bfloat16_is_rounded_to_nearest_and_half_to_even() -> None:
    """The stored halves are made here by frexp and round, which is half to even."""
    wide = {name: array.astype("f4") for name, array in named({"q": factors(1)}).items()}
    mantissas = {name: numpy.frexp(array.astype("f8")) for name, array in wide.items()}
    near = {n: numpy.ldexp(numpy.round(m * 256) / 256, e).astype("f4") for n, (m, e) in mantissas.items()}
    short = AdapterWeights.parse(
        blob(
            make_safetensors({n: entry(a, "BF16") for n, a in near.items()}), "head/adapter_model.safetensors"
        )
    )
    found = compare(weights(wide, "base"), config("base"), short, config())
    assert (found.relation, found.why) == (
        "different",
        "every number of the head is the base's, rounded to BF16",
    )
    cut = AdapterWeights.parse(
        blob(
            make_safetensors({n: entry(a, "BF16") for n, a in wide.items()}), "head/adapter_model.safetensors"
        )
    )
    assert compare(weights(wide, "base"), config("base"), cut, config()).why is None


def test_one_factor_rounded_on_each_side_is_no_rounding_of_the_other() -> None:
    a, b = (f"{P}q.lora_{word}.weight" for word in "AB")
    wide = named({"q": factors(1)})
    sides = [{**wide, name: wide[name].astype("f2")} for name in (a, b)]
    found = set_against(*sides)
    assert found.relation == "different"
    assert found.why == "no further apart than rounding moves the factors of one update in two bases"


def test_two_types_of_sixteen_bits_are_no_rounding_of_each_other() -> None:
    half = {name: array.astype("f2") for name, array in named({"q": factors(1)}).items()}
    data = make_safetensors({n: entry(a.astype("f4"), "BF16") for n, a in half.items()})
    other = AdapterWeights.parse(blob(data, "head/adapter_model.safetensors"))
    found = compare(weights(half, "base"), config("base"), other, config())
    assert (found.relation, found.why) == ("different", None)
