"""How far a training may have moved an adapter's weights, and whether its lora_A is still the one it began with.

Adam divides a mean of gradients by the root of the mean of their squares. At step t the means weigh gradient i by
a_i = (1 - beta1) beta1^(t-i) / (1 - beta1^t) and b_i, the same of beta2, so by Cauchy and Schwarz

    |m| / sqrt(v) = |sum a_i g_i| / sqrt(sum b_i g_i^2) <= sqrt(sum a_i^2 / b_i) = f(t),

with equality for g_i proportional to a_i / b_i: gradients that grow by beta2 / beta1 from step to step reach it in
every step at once, so no smaller number will do. Kingma and Ba (2015, section 2.1) give the bound for one spike after
zeros. Epsilon makes a step smaller (torch 2.13.0, optim/adam.py), clipping only scales gradients, and f grows with t,
so an optimizer that began anew at a resume stays below.
A number w(0) that decays by its rate times lambda before each step (Loshchilov and Hutter 2019) ends at

    |w(T) - w(0)| <= sum rate(t) f(t) + (1 - prod (1 - rate(t) lambda)) |w(0)|.

Lion's steps are signs, so f is 1. lora_B starts at zero and needs no second term. Training itself stays far below:
gradients that agree for ever give one learning rate a step, and those of real runs were measured at 0.65 to 1.2 of the
sum.

Weights kept in 16 bits move further, because each operation rounds: the nearest number to w + u is at most |u| from
w + u, as w is a number too, so a step moves at most twice as far. The mean of squares is rounded as well and may lose
what is below half an ulp of it, a share h of its value (2^-8 for bfloat16) in each of two operations, while it should
decay by 1 - beta2: it is at least (1 - beta2) / (1 - beta2 + 2 h) of what it should be. A third h covers the mean.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights, LoraPair

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
LIONS = frozenset({"lion_32bit", "lion_8bit", "paged_lion_32bit", "paged_lion_8bit"})
"""Values of `optim` whose steps are signs, in whatever precision their mean is kept (Chen et al. 2023, algorithm 2;
transformers 5.23.0, training_args.py; bitsandbytes 0.50.2, backends/default/ops.py)."""
ROUNDED = {"F32": 0.0, "F16": 2.0**-11, "BF16": 2.0**-8}
"""The share of a number by which its type rounds it at most; that of float32 is in every margin."""
_UNIFORM_KURTOSIS = 2.3
"""Between the 1.8 of a uniform distribution and the 3 of a normal one."""
_ALIKE = 1.25
"""Most by which the spread of a lora_A may differ from its first one, either way."""
_TELLING = 256
"""Elements that make a distribution."""


def adam_factor(step: int, beta1: float, beta2: float) -> float:
    """f(t), the largest |m̂|/sqrt(v̂) at a step: sqrt of the sum of a_i**2/b_i, the weights of gradient i in both."""
    ratio = beta1 * beta1 / beta2
    try:
        series = float(step) if abs(1 - ratio) < 1e-12 else (1 - ratio**step) / (1 - ratio)
    except OverflowError:  # beta1 far above beta2: nothing is bounded
        return math.inf
    means = (1 - beta1) / (1 - beta1**step)
    return math.sqrt(means * means * (1 - beta2**step) / (1 - beta2) * series)


class Bound:
    """How far an optimizer can move a number, by the highest ``rates`` of its steps, the first one first.

    ``betas`` are Adam's, None for Lion. ``decay`` is the decoupled weight decay, None where it is not known.
    """

    def __init__(
        self, rates: Sequence[float], betas: tuple[float, float] | None, decay: float | None = 0.0
    ) -> None:
        factors: Iterable[float] = (
            1.0 if betas is None else adam_factor(step, *betas) for step in range(1, len(rates) + 1)
        )
        largest = accumulate(factors, max)
        self._reach: tuple[float, ...] = (0.0, *accumulate(map(mul, rates, largest)))
        self._rates: tuple[float, ...] = (0.0, *accumulate(rates))
        self._gap = 0.0 if betas is None else 1 - betas[1]
        self._decay = decay
        self._peak = max(rates, default=0.0)

    @property
    def steps(self) -> int:
        """How many steps the rates are of."""
        return len(self._rates) - 1

    def total(self, after: int = 0, until: int | None = None) -> float:
        """The sum of the rates of the steps ``after + 1`` to ``until``, by default all."""
        return self._rates[self._end(until)] - self._rates[self._end(after)]

    def furthest(
        self, begun: float, after: int = 0, until: int | None = None, precision: str = "F32"
    ) -> float:
        """The furthest that the steps ``after + 1`` to ``until`` move a number which is ``begun`` at most before them.

        ``precision`` is the type that the weights may have been trained in, a key of ROUNDED.
        """
        reach = self._reach[self._end(until)] - self._reach[self._end(after)]
        rounded = ROUNDED[precision]
        if rounded:
            reach *= 2 * math.sqrt(1 + 3 * rounded / self._gap) if self._gap else 2
        if (
            self._decay is not None and self._decay * self._peak > 1
        ):  # a decay that turns signs bounds nothing
            return math.inf
        share = 1.0 if self._decay is None else min(1.0, self._decay * self.total(after, until))
        return reach + share * (2 * (begun + reach) if rounded else begun)

    def _end(self, step: int | None) -> int:
        return self.steps if step is None else max(0, min(step, self.steps))


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
        yield Moved(module, pair.b.name, weights.extremes(pair.b.name).largest, pair.b.elements)


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
