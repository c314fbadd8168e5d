"""Spectra, norms and ranks of single updates, against NumPy's dense decomposition of the product."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare import _factors
from auditor.compare.spectrum import UpdateDescription, Updates, effective_rank, stable_rank
from tests.builders.blobs import blob
from tests.builders.safetensors import make_adapter, make_arrays, make_safetensors

Array = NDArray[Any]
P = "base_model.model."
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def config(**values: object) -> AdapterConfig:
    raw = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, **values}
    return AdapterConfig.parse(blob(json.dumps(raw), CONFIG))


def adapter(data: bytes) -> AdapterWeights:
    return AdapterWeights.parse(blob(data, WEIGHTS))


def describe(weights: AdapterWeights, settings: AdapterConfig | None) -> tuple[UpdateDescription, ...]:
    """Every module of a file."""
    updates = Updates(weights, settings)
    updates.look(updates.parts)
    return updates.result()


def described(a: Array, b: Array, **values: object) -> UpdateDescription:
    (found,) = describe(adapter(make_adapter({"q": (a, b)})), config(**values))
    return found


def factors(seed: int, rank: int = 4, shape: tuple[int, int] = (12, 10)) -> tuple[Array, Array]:
    generator = numpy.random.default_rng(seed)
    return generator.standard_normal((rank, shape[1])), generator.standard_normal((shape[0], rank))


def dense(a: Array, b: Array, scaling: float) -> Array:
    """All singular values of the formed product."""
    values: Array = numpy.linalg.svd(scaling * b @ a, compute_uv=False)
    return values


def entropy_rank(values: Array) -> float:
    """Roy and Vetterli's formula, term by term in NumPy."""
    shares = values / values.sum()
    return float(numpy.exp(-(shares * numpy.log(shares)).sum()))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 9), st.integers(1, 9))
@settings(deadline=None, max_examples=60)
def test_as_the_dense_decomposition_says(seed: int, rank: int, out: int, into: int) -> None:
    a, b = factors(seed, rank, (out, into))
    found = described(a, b, r=rank, lora_alpha=3)
    values = dense(a, b, 3 / rank)[: min(rank, out, into)]
    assert found.spectrum == pytest.approx(list(values), rel=1e-9, abs=1e-14 * values[0])
    assert list(found.spectrum) == sorted(found.spectrum, reverse=True)
    assert found.norm == pytest.approx(float(numpy.linalg.norm(3 / rank * b @ a)), rel=1e-12)
    assert found.effective_rank == pytest.approx(entropy_rank(values), rel=1e-9)
    assert found.stable_rank == pytest.approx(float((values**2).sum() / values[0] ** 2), rel=1e-9)
    assert (found.module, found.shape, found.rank, found.scaling) == ("q", (out, into), rank, 3 / rank)
    assert (found.largest_a, found.largest_b) == (float(abs(a).max()), float(abs(b).max()))
    assert (found.nan, found.infinite, found.why) == (0, 0, None)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = factors(1)
    whole = described(a, b)
    monkeypatch.setattr(_factors, "BLOCK", 12)
    cut = described(a, b)
    assert cut.spectrum == pytest.approx(whole.spectrum, rel=1e-13)
    assert (cut.largest_a, cut.largest_b) == (whole.largest_a, whole.largest_b)


def test_a_zero_b_does_nothing() -> None:
    """Never trained: PEFT starts with B = 0. A Cholesky decomposition of B^T B would fail here."""
    a, b = factors(1)
    found = described(a, 0 * b)
    assert found.spectrum == (0.0, 0.0, 0.0, 0.0)
    assert (found.norm, found.effective_rank, found.stable_rank, found.largest_b) == (0.0, 0.0, 0.0, 0.0)
    assert found.why is None


def test_dependent_columns_lower_the_rank() -> None:
    """B has one column four times, so the product has rank 1 and one singular value, |b| |sum of A's rows|."""
    a, b = factors(1)
    b = numpy.repeat(b[:, :1], 4, axis=1)
    found = described(a, b, lora_alpha=4)
    only = float(numpy.linalg.norm(b[:, 0]) * numpy.linalg.norm(a.sum(axis=0)))
    assert found.spectrum[0] == pytest.approx(only, rel=1e-12)
    assert max(found.spectrum[1:]) < 1e-14 * only
    assert found.effective_rank == pytest.approx(1.0, abs=1e-11)
    assert found.stable_rank == pytest.approx(1.0, abs=1e-11)


def test_ranks_of_known_spectra() -> None:
    """k equal values have effective and stable rank k; (2, 1): the entropy of (2/3, 1/3), and 5/4."""
    assert effective_rank((3.0,) * 5) == pytest.approx(5.0, rel=1e-14)
    assert stable_rank((3.0,) * 5) == pytest.approx(5.0, rel=1e-14)
    assert effective_rank((2.0, 1.0)) == pytest.approx(1.5 ** (2 / 3) * 3 ** (1 / 3), rel=1e-14)
    assert stable_rank((2.0, 1.0)) == 1.25
    assert effective_rank(()) == stable_rank(()) == effective_rank((0.0, 0.0)) == 0.0


@pytest.mark.parametrize("power", [-500, -140, 120, 400])
def test_tiny_and_huge_numbers_keep_their_digits(power: int) -> None:
    """Powers of two change no digit, so the spectrum is that of ordinary factors times 4**power."""
    a, b = factors(1)
    plain, found = described(a, b), described(numpy.ldexp(a, power), numpy.ldexp(b, power))
    assert found.spectrum == pytest.approx([math.ldexp(v, 2 * power) for v in plain.spectrum], rel=1e-12)
    assert found.effective_rank == pytest.approx(plain.effective_rank, rel=1e-12)


def test_a_product_beyond_float64_is_said() -> None:
    a, b = factors(1)
    found = described(a * 1e200, b * 1e200)
    assert (found.norm, found.spectrum, found.effective_rank, found.stable_rank) == (None, (), None, None)
    assert found.why == f"the factors of q in {WEIGHTS} hold numbers too large for their product"
    assert found.largest_b == float(abs(b * 1e200).max())


def test_alpha_zero_and_negative() -> None:
    """The length of an update has no sign."""
    a, b = factors(1)
    assert described(a, b, lora_alpha=0).norm == 0.0
    assert described(a, b, lora_alpha=-8).spectrum == described(a, b).spectrum
    assert described(a, b, lora_alpha=-8).scaling == -2.0


def test_nan_and_infinity_are_counted() -> None:
    a, b = factors(1)
    a[0, 0] = a[1, 1] = math.nan
    b[3, 2] = -math.inf
    found = described(a, b)
    assert (found.nan, found.infinite, found.norm, found.spectrum) == (2, 1, None, ())
    assert (found.largest_a, found.largest_b) == (
        float(numpy.nanmax(abs(a))),
        float(abs(b[numpy.isfinite(b)]).max()),
    )
    assert found.why == f"the factors of q in {WEIGHTS} hold NaN or infinite values"
    nothing = described(a * math.nan, b * math.nan)
    assert (nothing.nan, nothing.largest_a, nothing.largest_b) == (40 + 48, None, None)


def test_without_a_scaling_the_product_itself_is_described() -> None:
    a, b = factors(1)
    (alone,) = describe(adapter(make_adapter({"q": (a, b)})), None)
    assert alone.scaling is None
    assert alone.spectrum == pytest.approx(list(dense(a, b, 1.0)[:4]), rel=1e-12)
    assert alone.why == "there is no readable adapter_config.json, so the scaling is not known"
    other = described(a, b, r=16)
    assert other.scaling is None
    assert other.norm == pytest.approx(float(numpy.linalg.norm(b @ a)), rel=1e-12)
    assert other.why == f"q has rank 4 in {WEIGHTS} and 16 in {CONFIG}"
    assert described(a, b, peft_type="ADALORA").why == (
        f"{CONFIG} is ADALORA, whose update is more than a scaled B A"
    )


def test_settings_by_module() -> None:
    """rsLoRA divides by the root of the rank; patterns name single modules."""
    a, b = factors(1)
    assert described(a, b, use_rslora=True).scaling == 4.0
    assert described(a, b, r=16, rank_pattern={"q": 4}, alpha_pattern={"q": 2}).scaling == 0.5


def test_convolutions_and_embeddings() -> None:
    a, b = factors(1, shape=(6, 18))
    found = describe(
        adapter(
            make_arrays(
                {
                    f"{P}conv.lora_A.weight": a.reshape(4, 2, 3, 3),
                    f"{P}conv.lora_B.weight": b.reshape(6, 4, 1, 1),
                    f"{P}embed.lora_embedding_A": a,
                    f"{P}embed.lora_embedding_B": b,
                }
            )
        ),
        config(),
    )
    assert [(item.module, item.shape) for item in found] == [("conv", (6, 18)), ("embed", (6, 18))]
    for item in found:
        assert item.spectrum == pytest.approx(list(dense(a, b, 2.0)[:4]), rel=1e-12)


def test_kohyas_files_hold_their_own_alpha() -> None:
    a, b = factors(1)
    stem = "lora_unet_q"
    arrays = {f"{stem}.lora_down.weight": a, f"{stem}.lora_up.weight": b, f"{stem}.alpha": numpy.array(2.0)}
    (found,) = describe(adapter(make_arrays(arrays)), None)
    assert (found.module, found.scaling, found.why) == (stem, 0.5, None)
    assert found.spectrum == pytest.approx(list(dense(a, b, 0.5)[:4]), rel=1e-12)
    arrays[f"{stem}.alpha"] = numpy.array([2.0, 2.0])
    (doubtful,) = describe(adapter(make_arrays(arrays)), None)
    assert (doubtful.scaling, doubtful.why) == (None, f"{WEIGHTS} does not tell the scaling of {stem}")


def test_what_makes_no_product_is_still_looked_at() -> None:
    a, b = factors(1)
    broken = b.copy()
    broken[0, 0] = math.nan
    alone = describe(adapter(make_arrays({f"{P}q.lora_B.weight": broken})), config())
    assert alone == (
        UpdateDescription(
            "q",
            None,
            4,
            largest_b=float(numpy.nanmax(abs(broken))),
            nan=1,
            why=f"{WEIGHTS} holds only one factor of q",
        ),
    )
    (unfit,) = describe(adapter(make_adapter({"q": (a, b.T)})), config())
    assert unfit.why == f"the factors of q in {WEIGHTS} do not fit each other"
    (empty,) = describe(adapter(make_adapter({"q": (a[:0], b[:, :0])})), config())
    assert (empty.rank, empty.largest_a, empty.why) == (0, None, f"the factors of q in {WEIGHTS} have rank 0")
    (narrow,) = describe(adapter(make_adapter({"q": (a[:, :0], b)})), config())
    assert (narrow.shape, narrow.spectrum, narrow.norm) == ((12, 0), (), 0.0)


def test_factors_that_are_cut_off_are_said_and_the_rest_described() -> None:
    data = make_safetensors(
        {
            f"{P}v.lora_A.weight": ("F64", (1, 1), b"\0" * 8),
            f"{P}v.lora_B.weight": ("F64", (1, 1), b"\0" * 8),
            f"{P}q.lora_A.weight": ("F6_E2M3", (4, 4), bytes(12)),
            f"{P}q.lora_B.weight": ("F6_E2M3", (4, 4), bytes(12)),
        }
    )
    cut = replace(adapter(data), blob=blob(data[:-1], WEIGHTS))
    second, first = describe(cut, config(rank_pattern={"v": 1}))
    assert first.why == f"{WEIGHTS} ends in the middle of tensor '{P}q.lora_B.weight'"
    assert (first.shape, first.rank, first.norm) == ((4, 4), 4, None)
    assert (second.norm, second.why) == (0.0, None)
