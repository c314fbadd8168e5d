"""How far trainings lie from what was committed and from each other, each measured once for all verdicts on a run."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar, cast

from auditor.model import RerunPlan
from auditor.rerun.judging import scale
from auditor.rerun.judging.curve_gap import Telling, curve_gaps, repeated_curves
from auditor.rerun.judging.exactness import telling_steps
from auditor.rerun.judging.gaps import Floors, Gap, Pair, committed_pairs, repeated_pairs
from auditor.rerun.judging.outside_gap import outside_gap
from auditor.rerun.judging.states_gap import state_gaps
from auditor.rerun.judging.tokens_gap import tokens_gaps
from auditor.rerun.judging.weights_gap import init_gap, weights_gap
from auditor.rerun.outputs import Output, Outputs
from auditor.runs import Run

T = TypeVar("T")


@dataclass(slots=True)
class Measured:
    """What is measured of the trainings of one run, kept by the trainings themselves, which do not change.

    A search judges the run again after each training, and all but the newest was measured before.
    """

    _known: dict[Hashable, list[tuple[RerunPlan | None, object]]] = field(default_factory=dict)
    _held: list[Output] = field(default_factory=list)
    """Keeps the trainings alive, so that no other gets the id of one that was measured."""

    def gaps(self, run: Run, plan: RerunPlan, ours: Output, outputs: Outputs) -> tuple[Gap, ...]:
        """Everything committed against one training; where another machine's noise shows follows from ``outputs``."""
        others = (outputs.rerun, *outputs.repeats, *outputs.variations)
        return self._once(
            "gaps", (ours, *others), plan, lambda: tuple(_gaps(run, plan, ours, telling_steps(outputs)))
        )

    def floors(self, outputs: Outputs) -> Floors:
        """The largest distances between the rerun, its repeats and its variations."""
        floors: dict[tuple[str, str], float] = {}
        for other in (*outputs.repeats, *outputs.variations):
            for gap in self.between(other, outputs.rerun):
                if gap.distance is not None:
                    key = (gap.aspect, gap.key)
                    floors[key] = max(floors.get(key, 0.0), gap.distance)
        return floors

    def to_committed(self, run: Run, plan: RerunPlan, output: Output) -> float | None:
        """`scale.to_committed`, once."""
        return self._once("committed", (output,), plan, lambda: scale.to_committed(run, plan, output))

    def to_rerun(self, output: Output, rerun: Output) -> float | None:
        """`scale.to_rerun`, once."""
        return self._once("rerun", (output, rerun), None, lambda: scale.to_rerun(output, rerun))

    def is_another(self, control: Output, rerun: Output) -> bool:
        """Whether a control trained anything else: a rate changes no bit in a segment that has a saved scheduler."""
        return self.to_rerun(control, rerun) != 0

    def between(self, other: Output, rerun: Output) -> tuple[Gap, ...]:
        """The gaps of two trainings of ours, as `gaps` has them."""
        return self._once("noise", (other, rerun), None, lambda: tuple(_noise(other, rerun)))

    def _once(
        self, kind: str, trained: tuple[Output, ...], plan: RerunPlan | None, measure: Callable[[], T]
    ) -> T:
        known = self._known.setdefault((kind, *map(id, trained)), [])
        for seen, value in known:
            if seen == plan:
                return cast("T", value)
        made = measure()
        known.append((plan, made))
        self._held.extend(trained)
        return made


def _gaps(run: Run, plan: RerunPlan, rerun: Output, telling: Telling) -> Iterator[Gap]:
    pairs = tuple(committed_pairs(run, plan, rerun))
    for pair in pairs[:1]:
        yield from init_gap(run, pair, rerun)
    yield from curve_gaps(run, plan, rerun, telling)
    yield from tokens_gaps(run, plan, rerun)
    for pair in pairs:
        yield from _folder(pair, rerun, always=False)


def _noise(other: Output, rerun: Output) -> Iterator[Gap]:
    """The same gaps between two trainings of ours."""
    yield from repeated_curves(other, rerun)
    for pair in repeated_pairs(other, rerun):
        yield from _folder(pair, rerun, always=True)


def _folder(pair: Pair, rerun: Output, *, always: bool) -> Iterator[Gap]:
    """The gaps of one folder; with ``always`` tensors beside the factors have one of 0 where they are equal too."""
    found = weights_gap(pair, rerun.initial)
    if found is not None:
        yield found
    beside = outside_gap(pair, rerun.initial, always=always)
    if beside is not None:
        yield beside
    yield from state_gaps(pair)
