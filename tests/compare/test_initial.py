"""Seeds proved and recovered on adapters that tests/builders/drawn.py drew in plain Python."""

import math
import random
from itertools import islice

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.initial import Limits, adapters_of, prove_seed, recover_seed
from auditor.compare.initial._stream import numbers_of
from tests.builders.blobs import blob
from tests.builders.drawn import MODULES, adapter, factors, trained, uniform_draws, words
from tests.builders.repositories import healthy
from tests.builders.safetensors import make_adapter
from tests.evidence.support import run_of

QUICK = Limits(window=1 << 16, others=())
STRANGE = 987_654_321
WIDE = tuple(
    (f"model.layers.{layer}.self_attn.{name}", 96, 40) for layer in range(2) for name in ("q_proj", "k_proj")
)
"""Modules of 1,536 numbers with rank 16: enough to compute their seed."""


def test_the_tiny_run_was_drawn_with_its_seed() -> None:
    (weights, config, structure), *_ = adapters_of(run_of(healthy()))
    proof = prove_seed(weights, config, 42, structure)
    assert (proof.verdict, proof.proved, proof.tested, proof.drawn_before) == ("consistent", 14, 14, 0)
    assert proof.says.startswith("seed 42 consistent on 14 of 14 trained modules (correlation 0.98")
    assert proof.odds is not None
    assert proof.odds < -300


def test_the_seed_of_the_tiny_run_is_recovered() -> None:
    weights, config, structure = next(adapters_of(run_of(healthy())))
    seen: list[tuple[int, int]] = []
    proof = recover_seed(
        weights, config, structure, range(20_000), lambda done, total: seen.append((done, total))
    )
    assert (proof.verdict, proof.seed) == ("consistent", 42)
    assert seen == [], "found in the first batch"
    assert recover_seed(weights, config, structure, range(43, 9_043)).seed is None


def test_untrained_modules_prove_their_seed_to_the_last_bit() -> None:
    weights, config = adapter(factors(42))
    proof = prove_seed(weights, config, 42, limits=QUICK)
    assert (proof.verdict, proof.proved, proof.tested) == ("proved", 14, 14)
    assert proof.says == "seed 42 proved on 14 of 14 untrained modules"
    assert proof.why == "by chance less often than once in 10^300"
    assert proof.correlation == pytest.approx(1, abs=1e-12)
    assert proof.next_best is not None
    # Eight seeds on 256 numbers: normal deviations of 1/16, beyond four and a half of them once in 20,000.
    assert 0 < proof.next_best < 4.5 / 16


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_values_stored_in_sixteen_bits_prove_it_too(dtype: str) -> None:
    found = factors(7)
    if dtype == "F16":
        half = {n: (a.astype(numpy.float16), b.astype(numpy.float16)) for n, (a, b) in found.items()}
        weights, config = adapter(half)  # type: ignore[arg-type]
    else:
        # Rounded to nearest even by hand: the builder cuts the lower half off.
        rounded = {n: (_to_bfloat16(a), b) for n, (a, b) in found.items()}
        weights, config = adapter(rounded, dtype)
    assert prove_seed(weights, config, 7, limits=QUICK).says == "seed 7 proved on 14 of 14 untrained modules"
    assert prove_seed(weights, config, 8, limits=QUICK).verdict == "unreached"


def _to_bfloat16(array: "numpy.typing.NDArray[numpy.float32]") -> "numpy.typing.NDArray[numpy.float32]":
    """Eight significant bits, by frexp: round() is to even."""
    made = [
        math.ldexp(round(math.ldexp(m, 8)), e - 8) for m, e in (math.frexp(float(x)) for x in array.ravel())
    ]
    return numpy.array(made, numpy.float32).reshape(array.shape)


def test_gaussian_draws_are_replayed() -> None:
    weights, config = adapter(factors(11, rank=3, gaussian=True), init_lora_weights="gaussian")
    assert (
        prove_seed(weights, config, 11, limits=QUICK).says == "seed 11 proved on 14 of 14 untrained modules"
    )
    assert prove_seed(weights, config, 12, limits=QUICK).verdict == "inconclusive"
    assert recover_seed(weights, config, seeds=range(100)).seed == 11


def test_weight_decay_with_a_zero_gradient_leaves_one_factor() -> None:
    shrunk = {name: ((a * numpy.float32(0.97)), b) for name, (a, b) in factors(42).items()}
    proof = prove_seed(*adapter(shrunk), 42, limits=QUICK)
    assert proof.says == "seed 42 proved on 14 of 14 untrained modules"
    assert proof.why.startswith("14 shrank by one factor each, which weight decay does")


def test_trained_modules_remember_and_the_correlation_is_told() -> None:
    drawn = factors(42)
    moved = trained(drawn, 0.3)
    proof = prove_seed(*adapter(moved), 42, limits=QUICK)
    assert (proof.verdict, proof.proved, proof.tested) == ("consistent", 14, 14)
    independent = [
        float((a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum()))
        for (a, _), (b, _) in zip(
            ([f.astype(numpy.float64) for f in pair] for pair in drawn.values()),
            ([f.astype(numpy.float64) for f in pair] for pair in moved.values()),
            strict=True,
        )
    ]
    assert proof.correlation == pytest.approx(sum(independent) / 14, abs=1e-9)


def test_one_untrained_module_among_trained_ones_is_enough() -> None:
    drawn = factors(42)
    mixed = trained(drawn, 0.2) | {MODULES[9][0]: drawn[MODULES[9][0]]}
    proof = prove_seed(*adapter(mixed), 42, limits=QUICK)
    assert proof.says == "seed 42 proved on 1 of 1 untrained module"
    assert proof.why.startswith("13 of 13 trained modules remember it (correlation 0.97")


def test_modules_are_found_in_whatever_order_the_base_registers_them() -> None:
    shuffled = list(MODULES)
    random.Random(3).shuffle(shuffled)
    proof = prove_seed(*adapter(factors(42, shuffled)), 42, limits=QUICK)
    assert proof.says == "seed 42 proved on 14 of 14 untrained modules"


def test_a_module_beyond_recognition_is_stepped_over() -> None:
    drawn = factors(42)
    lost = drawn | trained({MODULES[2][0]: drawn[MODULES[2][0]]}, 100.0)
    proof = prove_seed(*adapter(lost), 42, limits=QUICK)
    assert proof.says == "seed 42 proved on 13 of 13 untrained modules"


@pytest.mark.parametrize("drift", [0.0, 0.2])
def test_numbers_drawn_before_the_adapter_are_counted(drift: float) -> None:
    wide = [(name, 256, 64) for name, _, _ in MODULES[:3]]
    drawn = factors(42, wide, before=12_345)
    proof = prove_seed(*adapter(trained(drawn, drift) if drift else drawn), 42, limits=QUICK)
    assert proof.verdict == ("consistent" if drift else "proved")
    assert (proof.proved, proof.drawn_before) == (3, 12_345)
    assert "12,345 numbers were drawn between the seed and the adapter" in proof.why


def test_a_new_classifier_is_drawn_before_the_adapter() -> None:
    score = numpy.ones((2, 48), numpy.float32)
    weights, config = adapter(
        factors(5, before=2 * 48), others={"base_model.model.score.weight": score}, init_lora_weights=True
    )
    assert prove_seed(weights, config, 5, limits=Limits(window=0)).drawn_before == 96
    assert recover_seed(weights, config, seeds=range(64)).seed == 5


def test_a_seed_that_does_not_reach_the_adapter_is_told_with_the_one_that_does() -> None:
    proof = prove_seed(*adapter(factors(1234)), 42, limits=Limits(window=1 << 16))
    assert (proof.verdict, proof.seed, proof.other) == ("unreached", 42, 1234)
    assert proof.says == (
        "seed 42 does not reach the adapter: seed 1234 proved on 14 of 14 untrained modules"
    )


def test_a_seed_nobody_would_try_is_computed_from_modules_never_trained() -> None:
    mixed = trained(factors(STRANGE, WIDE, rank=16, before=777), 0.1)
    mixed[WIDE[2][0]] = factors(STRANGE, WIDE, rank=16, before=777)[WIDE[2][0]]
    weights, config = adapter(mixed)
    proof = recover_seed(weights, config, seeds=range(2))
    assert (proof.verdict, proof.seed, proof.proved, proof.tested) == ("proved", STRANGE, 1, 1)
    assert proof.drawn_before == 777
    assert proof.why.startswith("computed from the numbers themselves; 3 of 3 trained modules remember it")
    longer = prove_seed(weights, config, STRANGE + 2**40, limits=QUICK)
    assert longer.says == f"seed {STRANGE + 2**40} proved on 1 of 1 untrained module"
    asked = prove_seed(weights, config, 42, limits=QUICK)
    assert (asked.verdict, asked.other) == ("unreached", STRANGE)
    assert asked.says == (
        f"seed 42 does not reach the adapter: seed {STRANGE} proved on 1 of 1 untrained module"
    )
    assert asked.why.startswith("torch gives itself such a seed while nobody sets one; ")


def test_a_seed_that_does_not_reach_the_adapter_is_told_when_no_other_is_known() -> None:
    proof = prove_seed(*adapter(factors(STRANGE)), 42, limits=Limits(window=1 << 16))
    assert (proof.verdict, proof.other) == ("unreached", None)
    assert proof.says == (
        "seed 42 does not reach the adapter: 14 modules still hold their initial values, which are not among "
        "the first 65,536 numbers after the seed"
    )


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20_000))
def test_what_the_cpu_drew_is_never_taken_for_a_gpus(seed: int, inputs: int) -> None:
    bound = math.sqrt(3.0) * (math.sqrt(2.0 / (1 + math.sqrt(5) ** 2)) / math.sqrt(inputs))
    kept = numpy.array(uniform_draws(words(seed), 200, bound), numpy.float32).astype(numpy.float64)
    numbers = numbers_of(kept, bound)
    assert numbers is not None
    assert numbers.tolist() == [word % 2**24 for word in islice(words(seed), 200)]


def test_what_a_gpu_drew_is_inconclusive() -> None:
    # curand_uniform: 32 bits, scaled and shifted by half a step, in float32 (CUDA toolkit, curand_uniform.h).
    source = words(42)
    drawn = {}
    for name, inputs, outputs in MODULES[:3]:
        bound = numpy.float32(1 / math.sqrt(inputs))
        made = numpy.array([next(source) for _ in range(4 * inputs)], numpy.float32).reshape(4, inputs)
        share = made * numpy.float32(2.0**-32) + numpy.float32(2.0**-33)
        drawn[name] = (share * (2 * bound) - bound, numpy.zeros((outputs, 4), numpy.float32))
    proof = prove_seed(*adapter(drawn), 42, limits=QUICK)
    assert (proof.verdict, proof.says) == (
        "inconclusive",
        (
            "inconclusive: the initial values are none that torch's CPU generator draws: "
            "a GPU or another library drew them"
        ),
    )


def test_numbers_that_a_cpu_could_draw_but_not_in_this_row_are_inconclusive() -> None:
    drawn = factors(STRANGE, WIDE[:1], rank=16)
    mixed = {name: (a[::-1].copy(), b) for name, (a, b) in drawn.items()}
    assert prove_seed(*adapter(drawn), 42, limits=QUICK).verdict == "unreached"
    assert prove_seed(*adapter(mixed), 42, limits=QUICK).verdict == "inconclusive"


@pytest.mark.parametrize("before", [0, 4321])
def test_float32_that_was_bfloat16_before_is_looked_for_with_its_own_precision(before: int) -> None:
    rounded = {name: (_to_bfloat16(a), b) for name, (a, b) in factors(42, before=before).items()}
    proof = prove_seed(*adapter(rounded), 42, limits=QUICK)
    assert (proof.verdict, proof.proved, proof.drawn_before) == ("proved", 14, before)


def test_only_so_many_modules_are_looked_at() -> None:
    proof = prove_seed(*adapter(factors(42)), 42, limits=Limits(modules=3))
    assert proof.says == "seed 42 proved on 3 of 3 untrained modules"
    assert proof.why.endswith("; the first 3 of 14 modules were looked at")


def test_weights_that_moved_too_far_accuse_nobody() -> None:
    proof = prove_seed(*adapter(trained(factors(STRANGE), 3.0)), 42)
    assert (proof.verdict, proof.says) == (
        "inconclusive",
        "inconclusive: the weights have moved too far from where they began, or the seed did not draw them",
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"init_lora_weights": "pissa"},
            "init_lora_weights 'pissa' does not begin with numbers drawn from the seed",
        ),
        (
            {"init_lora_weights": None},
            "init_lora_weights None does not begin with numbers drawn from the seed",
        ),
        ({"peft_type": "LOHA"}, "only the draws of LoRA are known, not those of LOHA"),
        ({"target_parameters": ["experts"]}, "target_parameters draws other numbers"),
    ],
)
def test_cannot_look_at_other_ways_to_begin(changes: dict[str, object], why: str) -> None:
    weights, config = adapter(factors(42), **changes)  # type: ignore[arg-type]
    for proof in (prove_seed(weights, config, 42), recover_seed(weights, config, seeds=range(3))):
        assert proof.verdict == "inconclusive"
        assert proof.says.startswith(f"inconclusive: {why}")


def test_cannot_look_at_broken_weights() -> None:
    a, b = numpy.full((4, 48), numpy.nan, numpy.float32), numpy.zeros((48, 4), numpy.float32)
    zero = numpy.zeros((4, 48), numpy.float32)
    config = adapter({})[1]
    for made, why in (
        ({"q_proj": (a, b)}, "the initial tensors hold no finite numbers"),
        ({"q_proj": (zero, b)}, "the initial tensors hold no finite numbers"),
        ({}, "the weights hold no LoRA matrices"),
        ({"q_proj": (zero[:0], b[:, :0])}, "what is drawn for q_proj is not known from its shapes"),
        ({"q_proj": (zero[0], b)}, "what is drawn for q_proj is not known from its shapes"),
    ):
        weights = _read(make_adapter(made))
        assert prove_seed(weights, config, 42).says == f"inconclusive: {why}"
        assert recover_seed(weights, config, seeds=range(2)).verdict == "inconclusive"


def test_a_few_numbers_do_not_tell_trained_seeds_apart() -> None:
    found = trained(factors(42, [("q_proj", 3, 3)], rank=1), 0.2)
    assert prove_seed(*adapter(found), 42, limits=QUICK).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("seeds", "found"),
    [(range(2**32 - 3, 2**32 + 50), 2**32 - 1), (range(-10, 10), 2**32 - 1), ([3, 2**32 - 1], 2**32 - 1)],
)
def test_seeds_count_by_their_low_32_bits(seeds: "range | list[int]", found: int) -> None:
    weights, config = adapter(factors(-1))
    assert recover_seed(weights, config, seeds=seeds).seed == found
    assert prove_seed(weights, config, 2**32 - 1, limits=QUICK).verdict == "proved"
    assert prove_seed(weights, config, -1, limits=QUICK).verdict == "proved"


def test_the_search_finds_an_unusual_order_and_tells_progress() -> None:
    order = (MODULES[5], *MODULES[:5], *MODULES[6:])
    weights, config = adapter(trained(factors(11_000, order, rank=8), 0.2))
    seen: list[tuple[int, int]] = []
    proof = recover_seed(weights, config, seeds=range(12_000), progress=lambda *now: seen.append(now))
    assert (proof.verdict, proof.seed) == ("consistent", 11_000)
    assert proof.odds is not None
    assert {total for _, total in seen} == {24_000}
    assert (12_000, 24_000) in seen, "the usual order was tried first, over the whole range"


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.floats(0, 0.5))
def test_only_the_seed_that_drew_an_adapter_is_ever_confirmed(seed: int, asked: int, drift: float) -> None:
    drawn = factors(seed, MODULES[:4])
    weights, config = adapter(trained(drawn, drift) if drift else drawn)
    assert prove_seed(weights, config, seed, limits=QUICK).verdict in ("proved", "consistent")
    verdict = prove_seed(weights, config, asked, limits=QUICK).verdict
    assert (verdict in ("proved", "consistent")) == (seed == asked)


def _read(data: bytes) -> AdapterWeights:
    return AdapterWeights.parse(blob(data, "adapter_model.safetensors"))


def test_a_file_cut_off_behind_its_header_is_inconclusive() -> None:
    weights, config = adapter(factors(42))
    assert isinstance(config, AdapterConfig)
    short = AdapterWeights(
        weights.path, weights.format, weights.tensors, {}, weights.size, None, blob(b"12345678", weights.path)
    )
    assert prove_seed(short, config, 42).says.startswith("inconclusive: adapter_model.safetensors ")
    assert recover_seed(short, config, seeds=range(2)).verdict == "inconclusive"
