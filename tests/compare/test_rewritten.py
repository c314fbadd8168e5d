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
from auditor.errors import CannotRead
from auditor.model import Blob

Factors = tuple[NDArray[Any], NDArray[Any]]
MODULE = "base_model.model.model.layers.0.self_attn.q_proj"
DRAW = numpy.random.default_rng(4)
BEGUN = (DRAW.normal(size=(2, 7)).astype("f4"), DRAW.normal(size=(5, 2)).astype("f4"))
TRAINED = (
    (BEGUN[0] + DRAW.normal(size=(2, 7)) * 0.01).astype("f4"),
    (BEGUN[1] + DRAW.normal(size=(5, 2)) * 0.01).astype("f4"),
)


def weights(
    factors: Factors, module: str = MODULE, more: dict[str, NDArray[Any]] | None = None
) -> AdapterWeights:
    values = {f"{module}.lora_A.weight": factors[0], f"{module}.lora_B.weight": factors[1], **(more or {})}
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


K = MODULE.replace("q_proj", "k_proj")
BESIDE: dict[str, dict[str, NDArray[Any]]] = {
    "a module without lora_B": {f"{K}.lora_A.weight": BEGUN[0]},
    "a convolution": {
        f"{K}.lora_A.weight": numpy.ones((2, 7, 1, 1), "f4"),
        f"{K}.lora_B.weight": numpy.ones((5, 2, 1, 1), "f4"),
    },
    "an embedding": {f"{K}.lora_embedding_A": BEGUN[0], f"{K}.lora_embedding_B": BEGUN[1]},
    "a saved head": {"base_model.model.lm_head.weight": BEGUN[0]},
    "a magnitude": {f"{MODULE}.lora_magnitude_vector": BEGUN[0][0]},
}


@pytest.mark.parametrize("what", BESIDE)
def test_what_no_conversion_writes_is_not_passed_over(what: str) -> None:
    """peft 0.21.2, tuners/lora/model.py, subtract_mutated_init: of the training's, lora_A and lora_B alone are kept."""
    more = BESIDE[what]
    whole, own, begun = weights(converted(), more=more), weights(TRAINED, more=more), weights(BEGUN)
    for look in (
        lambda: holds_the_trained(whole, own),
        lambda: from_conversion(whole, PLAIN, own, OWN, begun),
    ):
        with pytest.raises(CannotRead, match="besides lora_A and lora_B"):
            look()


@pytest.mark.parametrize("what", ["a module without lora_B", "an embedding", "a saved head", "a magnitude"])
def test_what_the_conversion_leaves_out_of_a_training_is_not_missed(what: str) -> None:
    whole, own = weights(converted()), weights(TRAINED, more=BESIDE[what])
    assert holds_the_trained(whole, own)
    assert from_conversion(whole, PLAIN, own, OWN, weights(BEGUN)).keys() == {MODULE.split("model.", 2)[-1]}


def test_a_module_behind_one_that_is_no_matrix_is_looked_at() -> None:
    a, b = TRAINED
    early = {"base_model.model.a.lora_embedding_A": a, "base_model.model.a.lora_embedding_B": b}
    other = {f"{K}.lora_A.weight": a, f"{K}.lora_B.weight": b}
    first, second = converted()
    for factor, expected in ((1, True), (1.5, False)):
        more = {f"{K}.lora_A.weight": first, f"{K}.lora_B.weight": second * numpy.float32(factor)}
        own = weights(TRAINED, more=early | other)
        assert holds_the_trained(weights(converted(), more=more), own) is expected


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
