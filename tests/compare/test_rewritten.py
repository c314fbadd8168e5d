"""Adapters written anew: PEFT's conversion for the plain base, against products that are formed in float64."""

import io
from typing import Any

import numpy
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.rewritten import does_the_same, from_conversion, holds_the_trained, is_for_the_plain_base
from auditor.model import Blob

Factors = tuple[NDArray[Any], NDArray[Any]]
MODULE = "base_model.model.model.layers.0.self_attn.q_proj"
DRAW = numpy.random.default_rng(4)
BEGUN = (DRAW.normal(size=(2, 7)).astype("f4"), DRAW.normal(size=(5, 2)).astype("f4"))
TRAINED = (
    (BEGUN[0] + DRAW.normal(size=(2, 7)) * 0.01).astype("f4"),
    (BEGUN[1] + DRAW.normal(size=(5, 2)) * 0.01).astype("f4"),
)


def weights(factors: Factors, module: str = MODULE) -> AdapterWeights:
    values = {f"{module}.lora_A.weight": factors[0], f"{module}.lora_B.weight": factors[1]}
    data = save({name: numpy.ascontiguousarray(array) for name, array in values.items()}, {"format": "pt"})
    return AdapterWeights.parse(Blob("adapter_model.safetensors", len(data), lambda: io.BytesIO(data)))


def config(rank: int, init: object, alpha: float) -> AdapterConfig:
    raw = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "init_lora_weights": init}
    return AdapterConfig.of("adapter_config.json", {**raw, "target_modules": ["q_proj"]})


PLAIN, OWN = config(4, True, 8), config(2, "pissa_niter_4", 4)


def converted(trained: Factors = TRAINED, begun: Factors = BEGUN) -> Factors:
    """peft 0.21.2, tuners/lora/model.py, subtract_mutated_init."""
    a = numpy.concatenate([trained[0], begun[0]], axis=0)
    return a, numpy.concatenate([trained[1], -begun[1]], axis=1)


def test_the_conversion_is_the_training_minus_its_beginning() -> None:
    found = from_conversion(weights(converted()), PLAIN, weights(TRAINED), OWN, weights(BEGUN))
    ((apart, longest),) = found.values()
    a, b, first, second = (array.astype("f8") for array in (*TRAINED, *BEGUN))
    dense = 2 * (b @ a - second @ first)
    assert longest == pytest.approx(float(numpy.linalg.norm(dense)), rel=1e-9)
    assert apart < 1e-12 * longest
    assert is_for_the_plain_base(PLAIN, OWN)
    assert holds_the_trained(weights(converted()), weights(TRAINED))


def test_a_converted_adapter_that_was_edited_is_as_far_as_the_edit() -> None:
    a, b = converted()
    edited = b.copy()
    edited[:, 1] *= numpy.float32(1.5)
    ((apart, _),) = from_conversion(
        weights((a, edited)),
        PLAIN,
        weights(TRAINED),
        OWN,
        weights(BEGUN),
    ).values()
    dense = 2 * (edited.astype("f8") - b.astype("f8")) @ a.astype("f8")
    assert apart == pytest.approx(float(numpy.linalg.norm(dense)), rel=1e-9)
    assert not holds_the_trained(weights((a, edited)), weights(TRAINED))


def test_other_modules_and_shapes_are_not_compared() -> None:
    whole, own, begun = weights(converted()), weights(TRAINED), weights(BEGUN)
    elsewhere = weights(TRAINED, MODULE.replace("q_proj", "k_proj"))
    wide = weights((numpy.zeros((2, 9), "f4"), numpy.zeros((5, 2), "f4")))
    for trained, start in ((elsewhere, begun), (own, elsewhere), (wide, begun), (own, wide)):
        assert from_conversion(whole, PLAIN, trained, OWN, start) == {}
    assert not holds_the_trained(whole, elsewhere)
    assert not holds_the_trained(own, own)


@pytest.mark.parametrize(
    ("published", "trained"),
    [
        (config(4, True, 8), config(2, True, 4)),
        (config(4, "pissa", 8), config(2, "pissa", 4)),
        (config(2, True, 8), config(2, "pissa", 4)),
        (config(4, True, 8), config(2, "gaussian", 4)),
    ],
)
def test_other_settings_are_no_conversion(published: AdapterConfig, trained: AdapterConfig) -> None:
    assert not is_for_the_plain_base(published, trained)


def test_a_scale_that_the_factors_make_up_for_does_the_same() -> None:
    a, b = TRAINED
    one, two = config(2, True, 4), config(2, True, 8)
    assert does_the_same(weights((a, b / 2)), two, weights((a, b)), one)
    assert not does_the_same(weights((a, b / 2 * numpy.float32(1.03))), two, weights((a, b)), one)
    assert not does_the_same(weights((a, b)), two, weights((a, b)), one)
