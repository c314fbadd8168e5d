"""The weights moved further than Adam can move them in the steps that were taken.

Adam divides a mean of gradients by the root of the mean of their squares, so step t moves no number by more
than the learning rate times a constant of t and the two betas (Cauchy and Schwarz on optim/adam.py, torch
2.13.0): 1 at the first step, 1.13 at the eighteenth, 7.3 at most. lora_B starts at zero, so its largest
number is bounded by the sum over all steps, and so is every difference between two checkpoints. Rescaled,
replaced and exchanged weights break that bound while every shape and digest agrees. It is sharp in short
runs and loose in long ones. With `init_lora_weights` false lora_B starts between +-1/sqrt(r) (torch's own
nn.Linear, which PEFT then leaves alone), and no step that is taken brings all of it near zero.

Wrong when: training began from another adapter's weights, which then belongs in the card (one within reach that
lies in the same repository, or one that the configuration names, makes this a note), or an optimizer other than
torch's Adam wrote the file.

Fix: publish weights and optimizer of the same checkpoint, or name the adapter that training began from.

Bad:
    checkpoint-18/adapter_model.safetensors: tensor *.lora_B.weight * 2

Good:
    checkpoint-18/adapter_model.safetensors: tensor *.lora_B.weight * 0.9
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from auditor.artifacts._fields import is_number
from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks.adapter.untrained_layers import still_ones
from auditor.checks.training._began_from import MARGIN, began_from, told_start
from auditor.checks.training._claimed_reach import declared_start
from auditor.compare.reach import ZERO_STARTS, adam_factor
from auditor.errors import CannotRead
from auditor.model import Problem, Severity, Skip
from auditor.runs import Folder, Run

SEVERITY = Severity.ERROR

MOST_STEPS = 100_000
_DRAWN, _NEARLY = 256, 0.9
"""Numbers of a lora_B of which one was drawn that near to its limit, and how near."""


@dataclass(frozen=True, slots=True)
class Adam:
    """What bounds a step: betas, decoupled decay, the highest rate, and the rates by step where all are known."""

    steps: int
    beta1: float
    beta2: float
    decay: float
    peak: float
    rates: tuple[float, ...] = ()

    def reach(self, after: int) -> float:
        """The furthest a number can move in the steps after ``after``, decay aside."""
        return sum(
            self.rate(t) * adam_factor(t, self.beta1, self.beta2) for t in range(after + 1, self.steps + 1)
        )

    @property
    def shrunk(self) -> float:
        """The share by which weight decay shrinks a number at most."""
        return min(1.0, self.decay * self.peak * self.steps)

    def rate(self, step: int) -> float:
        """The learning rate of a step as logged, else the highest of the run."""
        return self.rates[step - 1] if len(self.rates) >= self.steps else self.peak


def check(run: Run) -> Iterator[Problem | Skip]:
    """Every checkpoint against its start at zero, and against the checkpoint before it."""
    before: Folder | None = None
    beyond: list[Problem] = []
    if not any(folder.all(OptimizerState) for folder in run.checkpoints):
        yield Skip("no checkpoint holds an optimizer.pt that was read")
    for folder in run.checkpoints:
        optimizer, weights = folder.one(OptimizerState), folder.one(AdapterWeights)
        if optimizer is None or weights is None:
            continue
        adam = _adam(optimizer, folder.one(TrainerState))
        if isinstance(adam, str):
            yield Skip(f"{optimizer.path} {adam}")
            continue
        try:
            found = list(_from_zero(run, folder, weights, adam))
            beyond += [item for item in found if isinstance(item, Problem)]
            yield from (item for item in found if isinstance(item, Skip))
            yield from _since(before, folder, weights, adam)
        except CannotRead as error:
            yield Skip(f"{weights.path} {error.reason}")
        before = folder
    yield from _once(beyond)


def _once(beyond: Sequence[Problem]) -> Iterator[Problem]:
    """One finding of each severity: what the first checkpoint had too much, the later ones have from it."""
    for severity in dict.fromkeys(item.severity for item in beyond):
        first, *later = (item for item in beyond if item.severity == severity)
        yield replace(first, also_at=tuple(item.at for item in later))


def _adam(optimizer: OptimizerState, state: TrainerState | None) -> Adam | str:
    """The optimizer as a bound, or why it is none."""
    groups = [group for group in optimizer.param_groups if group.get("params")]
    # RAdam and NAdam keep the same moments and step differently; they have no `amsgrad`.
    if optimizer.kind != "adamw" or not groups or not all("amsgrad" in group for group in groups):
        return "is not of torch's Adam or AdamW"
    pairs = [b for group in groups if isinstance(b := group.get("betas"), list | tuple) and len(b) == 2]
    betas = [beta for pair in pairs for beta in pair if isinstance(beta, float)]
    rates = [_number(group.get(key)) for group in groups for key in ("lr", "initial_lr")]
    # A run resumed with another rate shows the higher one in its log only.
    rates += [rate for _, rate in state.logged("learning_rate")] if state else []
    if len(betas) != 2 * len(groups) or not all(0 < beta < 1 for beta in betas) or not optimizer.steps:
        return "does not say its betas or its steps"
    steps, peak = max(optimizer.steps), max(rates)
    if not 1 <= steps <= MOST_STEPS or not 0 < peak < math.inf:
        return "has no usable step count or learning rate"
    if not all(is_number(group.get("initial_lr")) for group in groups):
        return "does not say its highest learning rate"
    decay = max(_number(group.get("weight_decay")) for group in groups)
    same = all(group.get("initial_lr") == groups[0].get("initial_lr") for group in groups)
    logged = _rates(state, int(steps), peak, groups[0].get("lr")) if same else ()
    return Adam(int(steps), max(betas[::2]), min(betas[1::2]), decay, peak, logged)


def _rates(state: TrainerState | None, steps: int, peak: float, following: object) -> tuple[float, ...]:
    """The rate of every step, where each was logged and no step was skipped; () otherwise.

    Releases whose file has ``best_global_step`` log the rate a step used, older ones the next step's, and so does
    ms-swift (4.0, trainers/mixin.py, `_maybe_log_save_evaluate`): then the last one is ``following``, the rate of the
    next step that the optimizer has. Of the two that may be a step's the higher one counts.
    """
    if state is None or state.global_step != steps or "best_global_step" not in state.keys:
        return ()
    logged = dict(state.logged("learning_rate"))
    rates = tuple(logged.get(step, math.nan) for step in range(1, steps + 1))
    if is_number(following) and math.isclose(rates[-1], following, rel_tol=MARGIN):
        rates = tuple(map(max, rates, (peak, *rates)))
    return rates if all(0 <= rate <= peak * (1 + MARGIN) for rate in rates) else ()


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _told(item: Problem, run: Run, weights: AdapterWeights, adam: "Adam") -> Problem:
    """The finding as a note where another adapter explains it, or where a file names one. Raises CannotRead."""
    told, named = told_start(item, began_from(run, weights, adam.reach(0), adam.shrunk)), declared_start(run)
    if told is not item or named is None:
        return told
    return replace(item, message=f"{item.message}; {named}", severity=Severity.NOTE)


def _from_zero(run: Run, folder: Folder, weights: AdapterWeights, adam: Adam) -> Iterator[Problem | Skip]:
    config = folder.one(AdapterConfig)
    if config is not None and config.peft_type == "LORA" and config.init_lora_weights is False:
        for item in _from_drawn(weights, adam):
            yield _told(item, run, weights, adam)
        return
    if config is None or config.peft_type != "LORA" or config.init_lora_weights not in ZERO_STARTS:
        yield Skip(f"whether lora_B of {weights.path} started at zero is not known")
        return
    sizes: dict[str, float] = {}
    for pair in weights.pairs().values():
        started = pair.a if pair.is_embedding else pair.b
        if started is not None and started.dtype == "F32" and started.elements:
            sizes[started.name] = weights.extremes(started.name).largest
    if not sizes:
        yield Skip(f"{weights.path} holds no lora_B in float32, and a cast moves numbers too")
    for item in _beyond(sizes, adam.reach(0), weights, f"in {adam.steps:,} steps from zero"):
        yield _told(item, run, weights, adam)


def _from_drawn(weights: AdapterWeights, adam: Adam) -> Iterator[Problem]:
    """The lora_B of linear layers of which every number is smaller than the largest drawn ones can have become.

    Of 256 uniform numbers none is within a tenth of the limit in 2 of 10**12 draws.
    """
    near: dict[str, tuple[float, float]] = {}
    for pair in weights.pairs().values():
        if pair.b is None or pair.is_embedding or pair.b.dtype != "F32" or len(pair.b.shape) != 2:
            continue
        if pair.b.elements < _DRAWN:
            continue
        least = _NEARLY / math.sqrt(pair.b.shape[1]) * (1 - adam.shrunk) - adam.reach(0)
        largest = weights.extremes(pair.b.name).largest
        if largest < least * (1 - MARGIN):
            near[pair.b.name] = (largest, least)
    if near:
        worst = min(near, key=lambda name: near[name][0])
        yield Problem(
            f"{len(near):,} lora_B lie nearer to zero than Adam can bring them in {adam.steps:,} steps from the draws "
            "that init_lora_weights false asks for: training began from another adapter",
            weights.at(worst),
            expected=f"a number of at least {near[worst][1]:.6g}",
            observed=f"{near[worst][0]:.6g}",
            severity=Severity.WARNING,
        )


def _since(before: Folder | None, folder: Folder, weights: AdapterWeights, adam: Adam) -> Iterator[Problem]:
    """Against the checkpoint before; the same tensors in float32 are compared number by number."""
    old = before.one(AdapterWeights) if before else None
    earlier = before.one(OptimizerState) if before else None
    if old is None or earlier is None or not earlier.steps or max(earlier.steps) >= adam.steps:
        return
    state = before.one(TrainerState) if before else None
    made = state.global_step if state is not None and state.global_step is not None else math.inf
    # More updates than steps are a finding of their own (optimizer-steps-differ); fewer only widen the bound.
    start = int(min(max(earlier.steps), max(made, 0)))
    gaps: dict[str, float] = {}
    largest = 0.0
    for pair in weights.pairs().values():
        for info in (pair.a, pair.b):
            was = old.tensors.get(info.name) if info else None
            if info is None or was is None or (was.dtype, was.shape) != ("F32", info.shape):
                continue
            if info.dtype != "F32" or not info.elements:
                continue
            chunks = zip(old.chunks(info.name), weights.chunks(info.name), strict=True)
            found = [(float(abs(b - a).max()), float(abs(a).max())) for a, b in chunks]
            gaps[info.name] = max(gap for gap, _ in found)
            largest = max(largest, *(size for _, size in found))
    reach = adam.reach(start)
    decayed = adam.decay * adam.peak * (adam.steps - start) * (largest + reach)
    if any(gap > (reach + decayed) * (1 + MARGIN) for gap in gaps.values()):
        zeros = {*_zeros(before), *_zeros(folder)}
        gaps = {name: gap for name, gap in gaps.items() if name not in zeros}
    yield from _beyond(
        gaps, reach + decayed, weights, f"in the {adam.steps - start:,} steps since {old.path}"
    )


def _zeros(folder: Folder | None) -> Iterator[str]:
    """The lora_A that untrained-layers reports for being zero, which no step makes them. Raises CannotRead."""
    weights, config = (folder.one(AdapterWeights), folder.one(AdapterConfig)) if folder else (None, None)
    if weights is None or config is None or config.peft_type != "LORA":
        return
    if config.init_lora_weights in ZERO_STARTS:
        yield from still_ones(weights)


def _beyond(moved: dict[str, float], reach: float, weights: AdapterWeights, words: str) -> Iterator[Problem]:
    """One finding that names the tensor that went furthest. NaN is another rule's."""
    far = {name: size for name, size in moved.items() if size > reach * (1 + MARGIN)}
    if not far:
        return
    worst = max(far, key=lambda name: far[name])
    yield Problem(
        f"{len(far):,} of {len(moved):,} tensors moved further {words} than Adam can move them",
        weights.at(worst),
        expected=f"at most {reach:.6g}",
        observed=f"{far[worst]:.6g}",
        severity=Severity.WARNING if "zero" in words else None,
    )
