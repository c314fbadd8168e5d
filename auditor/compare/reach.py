"""How far a training may have moved an adapter's weights, and whether its lora_A is still the one it began with.

Adam divides a mean of gradients by the root of the mean of their squares, so no step moves a number by more than the
learning rate times a constant of the step and the two betas (Cauchy and Schwarz on torch 2.13.0, optim/adam.py). lora_B
starts at zero, so the sum over all steps bounds its largest number. Training itself stays far below: gradients that
agree for ever give one learning rate a step, and those of real runs were measured at 0.65 to 1.2 of the sum.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.artifacts._number_formats import numpy_module
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair

if TYPE_CHECKING:
    from numpy.typing import NDArray

BETAS = (0.9, 0.999)
"""Adam's betas where nobody gives others (transformers 5.23.0, training_args.py, `adam_beta1`, `adam_beta2`)."""
ZERO_STARTS = (None, True, "gaussian", "true")
"""Initialisations whose lora_B is zero (peft 0.21.2, tuners/lora/layer.py, `reset_lora_parameters`)."""
ADAMS = frozenset(
    {
        *(
            "adamw",
            "adamw_hf",
            "adamw_torch",
            "adamw_torch_fused",
            "adamw_torch_xla",
            "adamw_torch_npu_fused",
        ),
        *("adamw_apex_fused", "paged_adamw", "paged_adamw_32bit"),
    }
)
"""Values of `optim` that keep moments in full precision (transformers 4.30.0, 5.23.0, training_args.py)."""
_UNIFORM_KURTOSIS = 2.3
"""Between the 1.8 of a uniform distribution and the 3 of a normal one."""
_ALIKE = 1.25
"""Most by which the spread of a lora_A may differ from its first one, either way."""
_TELLING = 256
"""Elements that make a distribution."""


def adam_factor(step: int, beta1: float, beta2: float) -> float:
    """The largest |m̂|/sqrt(v̂) at a step: sqrt of the sum of a_i**2/b_i, the weights of gradient i in m̂ and v̂."""
    ratio = beta1 * beta1 / beta2
    series = float(step) if abs(1 - ratio) < 1e-12 else (1 - ratio**step) / (1 - ratio)
    means = (1 - beta1) / (1 - beta1**step)
    return math.sqrt(means * means * (1 - beta2**step) / (1 - beta2) * series)


def adam_reach(rates: Sequence[float], beta1: float, beta2: float) -> float:
    """The furthest a number can move from zero in steps of these learning rates, decay aside.

    Decoupled decay only pulls a number towards zero, so it never adds to the distance from there.
    """
    return math.fsum(rate * adam_factor(step, beta1, beta2) for step, rate in enumerate(rates, 1))


@dataclass(frozen=True, slots=True)
class Moved:
    """One module: its lora_B, the largest number in it, and how many there are."""

    module: str
    tensor: str
    largest: float
    elements: int


def moved(weights: AdapterWeights) -> Iterator[Moved]:
    """Every linear module of a LoRA whose lora_B starts at zero, in the file's order. Raises CannotRead."""
    for module, pair in weights.pairs().items():
        if pair.a is None or pair.b is None or pair.is_embedding or not pair.b.elements:
            continue
        largest = largest_number(weights.chunks(pair.b.name))
        yield Moved(module, pair.b.name, largest, pair.b.elements)


def largest_number(chunks: Iterable["NDArray[Any]"]) -> float:
    """The largest magnitude over chunks; NaN where there is one, 0.0 for none."""
    numpy = numpy_module()
    found = [float(numpy.abs(chunk).max()) for chunk in chunks if chunk.size]
    return math.nan if any(map(math.isnan, found)) else max(found, default=0.0)


def recognisable(weights: AdapterWeights, config: AdapterConfig, pair: LoraPair) -> bool | None:
    """Whether a lora_A still has the flat distribution of `kaiming_uniform_(a=sqrt(5))`: +-1/sqrt(in).

    Another basis of the same update mixes its rows, which makes the distribution bell-shaped; a factor taken out of
    lora_B and put into lora_A changes its width. None where the initialisation has no such shape or too few numbers.
    Raises CannotRead. Source: peft 0.21.2, tuners/lora/layer.py, `reset_lora_parameters`.
    """
    if pair.a is None or config.init_lora_weights not in (None, True, "true"):
        return None
    if pair.a.elements < _TELLING or pair.a.dtype not in ("F32", "F16", "BF16"):
        return None
    square = fourth = 0.0
    for chunk in weights.chunks(pair.a.name):
        squares = chunk.astype("f8") ** 2
        square, fourth = square + float(squares.sum()), fourth + float((squares * squares).sum())
    if not square or not math.isfinite(fourth):
        return False
    count, width = pair.a.elements, pair.a.elements // pair.a.shape[0]
    spread = math.sqrt(3 * width * square / count)
    return 1 / _ALIKE <= spread <= _ALIKE and count * fourth / (square * square) < _UNIFORM_KURTOSIS
