"""Other orders of rows, each trained up to the first logged loss: which of them are worth a whole training.

While lora_B is zero a loss depends on the base and the batch alone, so another order is seen at the first step; where a
later step is the first that was logged, it is seen there.
"""

import math
from collections.abc import Collection, Mapping

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import Alternative, Control, RerunPlan, Span, Verdict
from auditor.rerun.judging.curve_gap import curves_of
from auditor.rerun.judging.gaps import relative
from auditor.rerun.outputs import Output, Outputs
from auditor.rerun.planning import row_order
from auditor.rerun.trials import HYPOTHESIS, PROBE, Trial
from auditor.runs import Run

SHARE = 0.25
"""A beginning longer than this share of the steps is no cheaper than the whole."""

SAME, ANOTHER = 2e-5, 1e-4
"""Relative distances of a loss: what rounding to four decimals makes (5e-5 of 3 and more), and more than that."""


def probes(run: Run, plan: RerunPlan, readings: Mapping[str, Alternative]) -> tuple[Trial, ...]:
    """A short training for each reading of the order; none where the log begins too late."""
    span = first_logged(run, plan)
    if span is None:
        return ()
    return tuple(
        Trial(f"{PROBE}-{name}", PROBE, item.words, item.changes, span=span)
        for name, item in readings.items()
        if row_order.is_order(item)
    )


def first_logged(run: Run, plan: RerunPlan) -> Span | None:
    """The first part of a plan up to its first logged loss; None where that is too far.

    A training that goes on from a checkpoint logs its first mean over fewer steps, unless one was logged there.
    """
    part = plan.trained[0]
    logged = {step for state in run.all(TrainerState) for step, _ in state.logged("loss")}
    logged |= {point.step for log in run.events for point in log.scalars.get("train/loss", ())}
    after = sorted(step for step in logged if part.start < step <= part.stop)
    if part.resume is not None and part.start not in logged:
        after = after[1:]
    if not after or after[0] - part.start > SHARE * plan.steps:
        return None
    return Span(part.start, after[0], part.resume, part.changes)


def contradicted(run: Run, outputs: Outputs) -> frozenset[str]:
    """Readings whose first loss is another than the committed one, where the rerun or another beginning has that one.

    Then release and machine compute it as the run did, so that neither excuses what differs.
    """
    trial = outputs.probes[0].trial if outputs.probes else None
    if trial is None or trial.span is None:
        return frozenset()
    step = trial.span.stop
    theirs = {value for state in run.all(TrainerState) for at, value in state.logged("loss") if at == step}
    theirs |= {
        point.value for log in run.events for point in log.scalars.get("train/loss", ()) if point.step == step
    }
    gaps = {output.name: _gap(output, step, theirs) for output in (outputs.rerun, *outputs.probes)}
    known = {name: gap for name, gap in gaps.items() if gap is not None}
    if min(known.values(), default=math.inf) > SAME:
        return frozenset()
    return frozenset(reading_of(output) for output in outputs.probes if known.get(output.name, 0.0) > ANOTHER)


def _gap(output: Output, step: int, theirs: Collection[float]) -> float | None:
    """How far a training's loss at a step lies from the nearest committed one; None where either is missing."""
    ours = dict(curves_of(output).get("loss", ())).get(step)
    return None if ours is None else min((relative(value, ours) for value in theirs), default=None)


def reading_of(probe: Output) -> str:
    """The name of the reading that a probe is the beginning of."""
    return probe.name.removeprefix(f"{PROBE}-")


def row(probe: Output) -> Control:
    """A reading that its beginning refutes, among those that were trained."""
    stop = probe.parts[-1].span.stop
    return Control(f"{probe.says} (up to step {stop})", HYPOTHESIS, None, None, Verdict.DIVERGED)
