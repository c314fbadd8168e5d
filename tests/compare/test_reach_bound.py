"""The bound of auditor.compare.reach against optimizers of a few lines, which no gradients bring beyond it."""

import math
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auditor.compare.reach import Bound, adam_factor

Array = NDArray[Any]
BETAS = st.sampled_from([(0.9, 0.999), (0.9, 0.95), (0.8, 0.99), (0.95, 0.98), (0.5, 0.9999)])
SEEDS = st.integers(0, 2**32 - 1)
EPSILON = 1e-8


def adamw(
    weights: Array,
    gradients: Array,
    rates: Array,
    betas: tuple[float, float],
    decay: float,
    epsilon: float = EPSILON,
) -> Array:
    """Every state of AdamW as its paper writes it (Loshchilov and Hutter 2019, algorithm 2), the start among them."""
    states, mean, square = [weights], numpy.zeros_like(weights), numpy.zeros_like(weights)
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        mean = betas[0] * mean + (1 - betas[0]) * gradient
        square = betas[1] * square + (1 - betas[1]) * gradient**2
        change = mean / (1 - betas[0] ** step) / (numpy.sqrt(square / (1 - betas[1] ** step)) + epsilon)
        states.append(states[-1] * (1 - rate * decay) - rate * change)
    return numpy.array(states)


def adversarial(random: numpy.random.Generator, steps: int, count: int, betas: tuple[float, float]) -> Array:
    """Gradients column by column: noise, one sign, long zeros and then a spike, growth, shrinking, jumps of scale."""
    at = numpy.arange(steps)[:, None]
    made = random.normal(random.uniform(-1, 1), 1, (steps, count))
    growth = numpy.resize([1.0, 1.02, 1.3, betas[1] / betas[0], 0.9, 3.0], count) ** numpy.minimum(at, 150)
    spikes = numpy.where(random.random((steps, count)) < random.uniform(0, 0.3), 1e6, 1e-6)
    quiet = numpy.where(at < random.integers(0, steps + 1, count), 1e-9, 1.0)
    kind = random.integers(0, 4, count)
    found: Array = numpy.select(
        [kind == 1, kind == 2, kind == 3], [numpy.abs(made) * growth, made * spikes, quiet], made
    )
    return found


def rates_of(random: numpy.random.Generator, steps: int) -> Array:
    """Warm-up and decay, restarts or anything at all."""
    peak = 10 ** random.uniform(-6, -2)
    shapes = [
        numpy.ones(steps),
        1 - numpy.arange(steps) / steps,
        numpy.arange(steps) % 7 / 7,
        random.random(steps),
    ]
    made: Array = peak * shapes[random.integers(len(shapes))]
    return made


@settings(max_examples=120)
@given(SEEDS, st.integers(1, 120), BETAS, st.sampled_from([0.0, 0.01, 0.1, 5.0]))
def test_no_training_breaks_the_bound(
    seed: int, steps: int, betas: tuple[float, float], decay: float
) -> None:
    random = numpy.random.default_rng(seed)
    rates = rates_of(random, steps)
    start = random.normal(0, 1, 60) * 10 ** random.uniform(-4, 0)
    states = adamw(start, adversarial(random, steps, 60, betas), rates, betas, decay)
    bound = Bound(rates.tolist(), betas, decay)
    unknown = Bound(rates.tolist(), betas, None)
    for after, until in ((0, steps), (0, steps // 2), (steps // 2, steps), (steps // 3, 2 * steps // 3)):
        for before, moved in zip(
            numpy.abs(states[after]), numpy.abs(states[until] - states[after]), strict=True
        ):
            limit = bound.furthest(float(before), after, until)
            assert moved <= limit * (1 + 1e-9) + 1e-15
            assert limit <= unknown.furthest(float(before), after, until) * (1 + 1e-12)


@settings(max_examples=40)
@given(SEEDS, st.integers(2, 80), BETAS, st.data())
def test_an_optimizer_that_begins_anew_stays_within(
    seed: int, steps: int, betas: tuple[float, float], data: Any
) -> None:
    """A run resumed without its optimizer.pt counts its steps from one again, at rates of the later steps."""
    random, at = numpy.random.default_rng(seed), data.draw(st.integers(1, steps - 1))
    rates, gradients = rates_of(random, steps), adversarial(random, steps, 60, betas)
    first = adamw(numpy.zeros(60), gradients[:at], rates[:at], betas, 0.0)[-1]
    last = adamw(first, gradients[at:], rates[at:], betas, 0.0)[-1]
    assert numpy.abs(last).max() <= Bound(rates.tolist(), betas).furthest(0.0) * (1 + 1e-9)


@settings(max_examples=40)
@given(st.integers(1, 200), BETAS, st.floats(0, 0.1), SEEDS)
def test_the_worst_gradients_reach_the_bound(
    steps: int, betas: tuple[float, float], decay: float, seed: int
) -> None:
    """Growth by beta2/beta1 a step: equality in every step, and with decay all but what decays of it."""
    rates = rates_of(numpy.random.default_rng(seed), steps)
    gradients = ((betas[1] / betas[0]) ** numpy.arange(steps, dtype=numpy.float64))[:, None]
    bound = Bound(rates.tolist(), betas, decay)
    reached = adamw(numpy.zeros(1), gradients, rates, betas, 0.0, 0.0)[-1]
    assert abs(float(reached[0])) == pytest.approx(bound.furthest(0.0), rel=1e-9)
    kept = float(numpy.prod(1 - rates * decay))
    moved = adamw(numpy.ones(1), gradients, rates, betas, decay, 0.0)[-1] - 1
    assert kept * bound.furthest(1.0) <= -float(moved[0]) * (1 + 1e-9)


def test_zeros_and_a_spike_reach_what_the_paper_says() -> None:
    """Kingma and Ba 2015, section 2.1: the step after zeros is (1 - beta1)/sqrt(1 - beta2) rates, 3.16 here."""
    gradients = numpy.zeros((5000, 1))
    gradients[-1] = 1.0
    last, before = adamw(numpy.zeros(1), gradients, numpy.ones(5000), (0.9, 0.999), 0.0)[[-1, -2]]
    assert float((before - last)[0]) == pytest.approx(0.1 / math.sqrt(0.001), rel=0.01)
    assert float((before - last)[0]) < adam_factor(5000, 0.9, 0.999)


def bfloat16(values: Array) -> Array:
    """Eight significant bits, to the nearest, ties to even."""
    mantissa, exponent = numpy.frexp(values)
    made: Array = numpy.ldexp(numpy.rint(mantissa * 256) / 256, exponent)
    return made


@settings(max_examples=80)
@given(
    SEEDS,
    st.integers(1, 200),
    st.sampled_from([(0.9, 0.999), (0.9, 0.99), (0.9, 0.95)]),
    st.sampled_from([0.0, 0.1]),
)
def test_weights_and_moments_kept_in_sixteen_bits_stay_within_a_bound_of_their_own(
    seed: int, steps: int, betas: tuple[float, float], decay: float
) -> None:
    """torch's single-tensor Adam rounds after each operation (2.13.0, optim/adam.py, ``_single_tensor_adam``)."""
    random = numpy.random.default_rng(seed)
    rates, gradients = rates_of(random, steps), bfloat16(adversarial(random, steps, 60, betas))
    start = weights = bfloat16(random.normal(0, 0.01, 60))
    mean, square = numpy.zeros(60), numpy.zeros(60)
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        weights = bfloat16(weights * (1 - rate * decay))
        mean = bfloat16(mean + (1 - betas[0]) * (gradient - mean))
        square = bfloat16(bfloat16(square * betas[1]) + (1 - betas[1]) * gradient**2)
        root = bfloat16(bfloat16(numpy.sqrt(square)) / math.sqrt(1 - betas[1] ** step))
        change = mean / numpy.where(root > 0, bfloat16(root + EPSILON), EPSILON)
        weights = bfloat16(weights - rate / (1 - betas[0] ** step) * change)
    bound = Bound(rates.tolist(), betas, decay)
    for before, moved in zip(numpy.abs(start), numpy.abs(weights - start), strict=True):
        assert moved <= bound.furthest(float(before), precision="BF16")


@settings(max_examples=40)
@given(SEEDS, st.integers(1, 100), st.sampled_from([0.0, 0.3]))
def test_lion_moves_by_the_rate(seed: int, steps: int, decay: float) -> None:
    """Chen et al. 2023, algorithm 2; a gradient of one sign reaches the sum of the rates."""
    random = numpy.random.default_rng(seed)
    rates, gradients = rates_of(random, steps), adversarial(random, steps, 60, (0.9, 0.99))
    start = weights = random.normal(0, 0.1, 60)
    mean = numpy.zeros(60)
    for gradient, rate in zip(gradients, rates, strict=True):
        weights = weights - rate * (numpy.sign(0.9 * mean + 0.1 * gradient) + decay * weights)
        mean = 0.99 * mean + 0.01 * gradient
    bound = Bound(rates.tolist(), None, decay)
    for before, moved in zip(numpy.abs(start), numpy.abs(weights - start), strict=True):
        assert moved <= bound.furthest(float(before)) * (1 + 1e-9) + 1e-15
    assert Bound(rates.tolist(), None).furthest(0.0) == pytest.approx(float(rates.sum()), rel=1e-12)
    assert bound.total(1, steps) == pytest.approx(float(rates[1:].sum()), rel=1e-9, abs=1e-15)


def test_what_bounds_nothing_is_infinite() -> None:
    """Betas that let one gradient outlive its square, and a decay of more than the whole number a step."""
    assert adam_factor(100_000, 0.9999, 0.5) == math.inf
    assert Bound([1e-3] * 3, (0.9, 0.999), 1e9).furthest(1.0) == math.inf
    assert Bound([], (0.9, 0.999)).furthest(1.0) == 0.0
