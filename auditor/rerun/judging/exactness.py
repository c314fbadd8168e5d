"""Up to which step no arithmetic was other than the rerun's: there no difference is noise, however loud noise is.

Two proofs. *States*: weights or moments of a step that are bit-equal. They hold the rounding of every step before, and
the next state follows from them by the same arithmetic. *Curves*: loss and gradient norm that are bit-equal, as the
file stores them, at every logged step so far. The loss of a step is computed from the weights before it and the norm
from the gradients that make the weights after it, so another rounding anywhere shows in them; a file that rounds, or a
model whose curves rounding hardly moves, shows less of it. How much is measured: only values that the same recipe logs
otherwise under this machine's own variation count, and `MANY` of them must be equal. Where noise is so small that it
changes every second value alone, chance makes ten of ten equal once in a thousand times, and then the weights lie
within `LEAST_NOISE` of each other anyway.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from auditor.rerun.judging.curve_gap import curves_of, first_outside
from auditor.rerun.judging.gaps import Floors, Gap
from auditor.rerun.judging.weights_gap import unmoved
from auditor.rerun.outputs import Outputs

MANY = 10
"""Logged values that are equal although the variation logs others."""
LEAST_NOISE = 1e-5
"""Relative distance that other processors reach anyway: the largest measured between instruction sets was 2.1e-6
(float32, 6 steps, MKL, oneDNN and ATen lowered), and a learning rate 1 % off moves the update by 1e-2."""
_COMPUTED = ("loss", "grad_norm")

Stored = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Exact:
    """Nothing was rounded otherwise up to ``step``; ``least`` is a relative distance that still means nothing."""

    step: int
    says: str
    least: float = 0.0

    def covers(self, gap: Gap) -> bool:
        """Whether a gap lies at a step up to which arithmetic was the same, and is larger than its file rounds."""
        limit = max(gap.slack, gap.coarse, self.least)
        step = first_outside(gap, limit) if gap.points else gap.step
        far = gap.distance is not None and gap.distance > limit
        return far and step is not None and 0 < step <= self.step


def proofs(gaps: Iterable[Gap], floors: Floors, idle: Iterable[str] = ()) -> tuple[Exact, ...]:
    """Every proof that the gaps give. ``idle`` are moments whose weights are still those of the beginning."""
    known = tuple(gaps)
    return (*_of_states(known, floors, frozenset(idle)), *_of_curves(known))


def _of_states(gaps: Sequence[Gap], floors: Floors, idle: frozenset[str]) -> Iterator[Exact]:
    """Equal bits, but where every machine makes them: weights before the first update, or under a rate of zero."""
    steps = [
        gap.step
        for gap in gaps
        if gap.same
        and gap.step
        and gap.aspect in ("weights", "optimizer")
        and floors.get((gap.aspect, gap.key)) != 0
        and not (gap.aspect == "weights" and gap.key in idle)
    ]
    if steps:
        yield Exact(max(steps), f"the state after step {max(steps)} agrees bit for bit")


def _of_curves(gaps: Sequence[Gap]) -> Iterator[Exact]:
    """One proof a file at most."""
    for at in dict.fromkeys(gap.at for gap in gaps if gap.aspect == "curve"):
        mine = [gap for gap in gaps if gap.at == at and gap.key in _COMPUTED and gap.points]
        first = min((step for gap in mine if (step := first_outside(gap, 0.0)) is not None), default=math.inf)
        equal = {(gap.key, step) for gap in mine for step, _ in gap.points if step < first}
        telling = equal & {(gap.key, step) for gap in mine for step in gap.telling}
        if len(telling) >= MANY:
            last = max(step for _, step in equal)
            says = f"loss and gradient norm agree bit for bit up to step {last}"
            yield Exact(last, says, LEAST_NOISE)


def idle_moments(outputs: Outputs) -> Iterator[str]:
    """The moments of a rerun at which its adapter is still the initial one."""
    start = outputs.rerun.initial
    return (key for key, folder, _ in outputs.rerun.moments() if unmoved(start, folder))


def telling_steps(outputs: Outputs) -> Callable[[str, Stored], frozenset[int]]:
    """For a tag and a way of storing numbers: the steps at which another training of the plan logs another value."""
    ours = {tag: dict(points) for tag, points in curves_of(outputs.rerun).items()}
    others = [curves_of(other) for other in (*outputs.repeats, *outputs.variations)]

    def steps(tag: str, stored: Stored) -> frozenset[int]:
        mine = ours.get(tag, {})
        return frozenset(
            step
            for other in others
            for step, value in other.get(tag, ())
            if step in mine and stored(value) != stored(mine[step])
        )

    return steps
