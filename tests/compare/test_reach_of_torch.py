"""The bound of auditor.compare.reach against the optimizers themselves: torch's AdamW, bitsandbytes' Lion."""

import math
from typing import Any

import pytest

from auditor.compare.reach import Bound

pytestmark = pytest.mark.rerun
STEPS, COUNT = 120, 300
BETAS = (0.9, 0.999)


def gradients(torch: Any, kind: str, growth: float) -> Any:
    """(steps, numbers) of one kind; ``growth`` a step."""
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(STEPS, COUNT, generator=generator, dtype=torch.float64)
    at = torch.arange(STEPS, dtype=torch.float64)[:, None]
    late = torch.randint(0, STEPS, (COUNT,), generator=generator)
    return {
        "noise": noise,
        "one sign": noise.abs() + 0.5,
        "growth": torch.full_like(noise, 1e-3) * growth**at,
        "zeros and a spike": torch.where(at == late, 1.0, 0.0),
        "small and then large": torch.where(at >= late, 1.0, 1e-6) * noise.abs(),
    }[kind]


def trained(torch: Any, make: Any, dtype: Any, given: Any, rates: list[float]) -> tuple[float, float]:
    """(how far the furthest number moved, the largest number at the start)."""
    generator = torch.Generator().manual_seed(4)
    weights = (0.1 * torch.rand(COUNT, generator=generator) + 0.01).to(dtype)
    parameter = torch.nn.Parameter(weights.clone())
    optimizer = make([parameter])
    for gradient, rate in zip(given, rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        parameter.grad = gradient.to(dtype)
        optimizer.step()
    moved = (parameter.detach().double() - weights.double()).abs().max()
    return float(moved), float(weights.double().abs().max())


KINDS = ("noise", "one sign", "growth", "zeros and a spike", "small and then large")
RATES = [1e-3 * (1 - step / STEPS) for step in range(STEPS)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize("way", [{"foreach": False}, {"foreach": True}, {"fused": True}], ids=str)
@pytest.mark.parametrize("word", ["F32", "BF16"])
def test_adamw_stays_within_the_bound(kind: str, decay: float, way: dict[str, bool], word: str) -> None:
    torch = pytest.importorskip("torch")
    dtype = {"F32": torch.float32, "BF16": torch.bfloat16}[word]

    def make(parameters: Any) -> Any:
        return torch.optim.AdamW(parameters, lr=1e-3, betas=BETAS, weight_decay=decay, **way)

    given = gradients(torch, kind, BETAS[1] / BETAS[0])
    moved, largest = trained(torch, make, dtype, given, RATES)
    limit = Bound(RATES, BETAS, decay).furthest(largest, precision=word)
    assert moved <= limit * (1 + 1e-3)
    if kind == "growth" and word == "F32" and not decay:
        # Epsilon is small beside gradients of 1e-3 and more, so nearly all of the bound is reached.
        assert moved > 0.99 * limit


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_lion_stays_within_the_sum_of_the_rates(kind: str, decay: float) -> None:
    torch = pytest.importorskip("torch")
    optim = pytest.importorskip("bitsandbytes").optim

    def make(parameters: Any) -> Any:
        return optim.Lion32bit(parameters, lr=1e-3, betas=(0.9, 0.99), weight_decay=decay)

    moved, largest = trained(torch, make, torch.float32, gradients(torch, kind, 1.1), RATES)
    limit = Bound(RATES, None, decay).furthest(largest)
    assert moved <= limit * (1 + 1e-3)
    if kind == "one sign":
        assert moved > (1 - decay * math.fsum(RATES)) * limit * (1 - 1e-3)
