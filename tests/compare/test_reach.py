import math

import numpy
import pytest

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.checks.training.weights_barely_moved import SHARE
from auditor.checks.training.weights_outrun_learning_rate import TIMES
from auditor.compare.reach import Bound, adam_factor, moved, recognisable
from auditor.sources.directory import memory_snapshot
from tests.builders.safetensors import entry, make_safetensors
from tests.rerun.variants import committed, run_of

ROOT = "adapter_model.safetensors"
MODULE = "base_model.model.layers.0.q_proj"


def adam(gradients: numpy.ndarray, rates: numpy.ndarray) -> numpy.ndarray:
    """Adam as its paper writes it (Kingma and Ba 2015, algorithm 1) on numbers that start at zero."""
    mean = square = weights = numpy.zeros(gradients.shape[1])
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        weights = weights - rate * (mean / (1 - 0.9**step)) / (numpy.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights


@pytest.mark.parametrize("steps", [10, 60, 450])
@pytest.mark.parametrize("pull", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("schedule", ["constant", "linear"])
def test_adam_stays_between_the_two_bounds(steps: int, pull: float, schedule: str) -> None:
    """Gradients from pure noise to all of one sign: no training leaves what the two rules allow."""
    draw = numpy.random.default_rng(steps)
    gradients = draw.normal(pull, 1, (steps, 2000)) * draw.lognormal(0, 0.5, (steps, 1))
    rates = 1e-4 * (numpy.ones(steps) if schedule == "constant" else 1 - numpy.arange(steps) / steps)
    largest, total = abs(adam(gradients, rates)).max(), rates.sum()
    assert SHARE * total / math.sqrt(steps) < largest / 4
    assert largest < 1.3 * total < TIMES * total
    assert largest < Bound(rates.tolist(), (0.9, 0.999)).furthest(0.0)


def test_the_reach_of_one_step_is_its_rate() -> None:
    """Bias correction makes the first update the gradient's sign."""
    assert Bound([0.25], (0.9, 0.999)).furthest(0.0) == pytest.approx(0.25, rel=1e-12)
    assert adam_factor(1, 0.8, 0.99) == pytest.approx(1.0, rel=1e-12)


def made(a: numpy.ndarray, b: numpy.ndarray, init: object = True) -> tuple[AdapterWeights, AdapterConfig]:
    tensors = {
        f"{MODULE}.lora_A.weight": entry(a.astype("f4")),
        f"{MODULE}.lora_B.weight": entry(b.astype("f4")),
    }
    blob = memory_snapshot("x", {ROOT: make_safetensors(tensors)}).files[ROOT]
    config = memory_snapshot(
        "x", {"adapter_config.json": b'{"peft_type": "LORA", "init_lora_weights": %s}' % _json(init)}
    ).files["adapter_config.json"]
    return AdapterWeights.parse(blob), AdapterConfig.parse(config)


def _json(value: object) -> bytes:
    return b"true" if value is True else f'"{value}"'.encode()


def uniform(rank: int = 8, width: int = 256) -> numpy.ndarray:
    """kaiming_uniform_(a=sqrt(5)): gain sqrt(2/6), so the bound is sqrt(3) * sqrt(1/3) / sqrt(in) = 1/sqrt(in)."""
    return numpy.random.default_rng(3).uniform(-1, 1, (rank, width)) / math.sqrt(width)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda a: a, True),
        (lambda a: a + numpy.random.default_rng(1).normal(0, 0.1 / 16, a.shape), True),
        (lambda a: a * 1.5, False),
        (lambda a: numpy.linalg.qr(numpy.random.default_rng(2).normal(size=(8, 8)))[0] @ a, False),
        (lambda a: a * 0, False),
        (lambda a: a * numpy.nan, False),
    ],
    ids=["as it began", "trained", "scaled", "rotated", "zero", "nan"],
)
def test_a_first_lora_a_is_recognised_by_its_flat_distribution(change: object, expected: bool) -> None:
    weights, config = made(change(uniform()), numpy.ones((4, 8)))  # type: ignore[operator]
    (only,) = moved(weights)
    assert recognisable(weights, config, weights.pairs()[only.module]) is expected
    assert (only.largest, only.elements, only.tensor) == (1.0, 32, f"{MODULE}.lora_B.weight")


def test_other_initialisations_and_few_numbers_are_not_judged() -> None:
    for weights, config in (
        made(uniform(), numpy.ones((4, 8)), "gaussian"),
        made(uniform(2, 16), numpy.ones((4, 2))),
    ):
        assert [recognisable(weights, config, pair) for pair in weights.pairs().values()] == [None]


def test_the_fixtures_lora_a_are_recognised() -> None:
    run = run_of(committed())
    weights, config = run.root.one(AdapterWeights), run.root.one(AdapterConfig)
    assert weights is not None
    assert config is not None
    assert {recognisable(weights, config, pair) for pair in weights.pairs().values()} == {True}
