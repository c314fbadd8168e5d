"""The verdict: what each committed file says, held against what this machine's own noise can explain."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from auditor.claims import Ledger
from auditor.model import RerunPlan, RerunResult, Verdict
from auditor.rerun.judging.anew import begun_anew
from auditor.rerun.judging.attempts import attempted
from auditor.rerun.judging.barely_beyond import barely_beyond
from auditor.rerun.judging.bounds import coverage_of, does_not_prove, same_release, unlike
from auditor.rerun.judging.curve_gap import TRAIN_LOSS, curves_of
from auditor.rerun.judging.draws import drawn_elsewhere
from auditor.rerun.judging.exactness import LEAST_NOISE, Exact, idle_moments, proofs
from auditor.rerun.judging.gaps import Floors, Gap, is_outside, of_updates
from auditor.rerun.judging.longer import gone_on
from auditor.rerun.judging.measured import Measured
from auditor.rerun.judging.padded import padded
from auditor.rerun.judging.releases import Unsettled, left_open, unsettled
from auditor.rerun.judging.rounded import rounded
from auditor.rerun.judging.still import kept_still
from auditor.rerun.judging.summary import (
    Judged,
    aspects_of,
    first_divergence,
    is_learned,
    repeats_of,
    summary,
)
from auditor.rerun.judging.unsaid import excused
from auditor.rerun.outputs import Output, Outputs
from auditor.rerun.planning.row_order import is_told
from auditor.rerun.planning.trainers import stands_in
from auditor.runs import Run

SAFETY = 3.0
"""How many floors away still counts as noise: the floor is the largest of very few measurements."""
MARGIN = 3.0
"""How many times nearer to the declared recipe than to every control the weights must be to be called consistent."""
TOO_HIGH = 0.05
"""A relative floor above which a small change of recipe would hide in it (lr + 10 % moves the update by 0.1)."""
LOUD = 0.015
"""The same for the weights: three floors of it hide a learning rate 3 % off (0.032 after 12 steps, measured)."""

COUNTED = (
    "the run is not known to be of this release of transformers, and releases count parameters differently"
)
"""Transformers 4.50 and 4.52 do for one multimodal model, with equal weights (modeling_utils.py)."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What gaps are judged against: floors of this machine, an excuse, proofs that nothing was rounded otherwise."""

    floors: Floors
    measured: bool
    """Whether a variation moved the weights at all; one that moves no bit says nothing of other machines."""
    excuse: str | None
    same_release: bool
    unsettled: Unsettled | None = None
    exact: tuple[Exact, ...] = ()
    control: float | None = None
    """Distance of the committed weights from the nearest control, where noise or an excuse makes it count."""


def judge(
    run: Run,
    ledger: Ledger,
    plan: RerunPlan,
    outputs: Outputs,
    against: Output | None = None,
    measured: Measured | None = None,
) -> RerunResult:
    """Compare what was committed with what was trained. Raises nothing: what cannot be compared says why.

    ``against`` is another training than the rerun, of the plan as given; the noise is that of the experiment.
    ``measured`` is what other verdicts on the same run have measured, and keeps what this one does.
    """
    ours = against or outputs.rerun
    measured = Measured() if measured is None else measured
    gaps = measured.gaps(run, plan, ours, outputs)
    bench = _bench(run, ledger, plan, outputs, gaps, measured.floors(outputs))
    if outputs.controls and (bench.excuse is not None or bench.unsettled is not None or _is_loud(bench)):
        bench = replace(bench, control=_nearest(run, plan, outputs, measured))
    judged = left_open(
        [_by_convention(_judge(gap, bench), bench) for gap in gaps],
        bench.unsettled,
        lambda item: _beaten(bench) if _beats_controls(item.gap, bench) else None,
    )
    judged = rounded(_explained(judged, run, plan, ours), run, plan, outputs, measured)
    aspects = aspects_of(judged)
    comparable = [item.verdict for item in aspects if item.verdict is not Verdict.INCONCLUSIVE]
    verdict = min(comparable, default=Verdict.INCONCLUSIVE)
    if verdict is not Verdict.DIVERGED and (
        not any(map(is_learned, judged)) or any(map(_is_left_open, judged))
    ):
        verdict = Verdict.INCONCLUSIVE
    return RerunResult(
        run=run.name,
        plan=plan,
        environment=outputs.environment,
        verdict=verdict,
        aspects=aspects,
        floor=max(of_updates(bench.floors), default=None),
        first_divergence=first_divergence(judged),
        coverage=coverage_of(plan, aspects, ours),
        does_not_prove=does_not_prove(run, plan, outputs, bench.floors, SAFETY),
        why=summary(verdict, judged, plan),
        repeats=repeats_of(outputs, measured.between),
        curves={tag: points for tag, points in curves_of(ours).items() if tag != TRAIN_LOSS},
    )


def _explained(judged: Sequence[Judged], run: Run, plan: RerunPlan, ours: Output) -> list[Judged]:
    """The gaps, those that something which users do may explain as inconclusive."""
    judged = begun_anew(gone_on(attempted(judged, run, plan), run, plan), run)
    judged = padded(kept_still(drawn_elsewhere(judged, plan), run, ours), run, plan, ours)
    return barely_beyond(excused(judged, plan, run.recipe, ordered=is_told(run), platform=run.platform))


def _nearest(run: Run, plan: RerunPlan, outputs: Outputs, measured: Measured) -> float | None:
    """The distance of the committed weights from the nearest control that trained anything else."""
    others = [output for output in outputs.controls if measured.is_another(output, outputs.rerun)]
    apart = [measured.to_committed(run, plan, output) for output in others]
    return min((distance for distance in apart if distance is not None), default=None)


def _is_left_open(item: Judged) -> bool:
    """Whether weights were measured and lie farther away than is explained: curves that agree settle nothing then."""
    return item.gap.aspect == "weights" and item.verdict is Verdict.INCONCLUSIVE and bool(item.gap.distance)


def _bench(
    run: Run, ledger: Ledger, plan: RerunPlan, outputs: Outputs, gaps: Sequence[Gap], floors: Floors
) -> Bench:
    moved = any(of_updates(floors))
    bench = Bench(
        floors=floors,
        measured=bool(outputs.variations) and moved,
        excuse=stands_in(run, plan, outputs.environment) or unlike(run, ledger, plan, outputs.environment),
        same_release=same_release(ledger, outputs.environment),
    )
    exact = proofs(gaps, floors, idle_moments(outputs))
    # Bits that agree were computed in the same way, whatever release did it.
    other = None if exact or bench.excuse else unsettled(run, ledger, plan, outputs.environment)
    return replace(bench, exact=exact, unsettled=other)


def _judge(gap: Gap, bench: Bench) -> Judged:
    floor = _floor(gap, bench.floors)
    if gap.distance is None:
        return Judged(gap, Verdict.INCONCLUSIVE, gap.says, gap.slack, floor)
    if gap.same:
        return Judged(gap, Verdict.IDENTICAL, gap.says, gap.slack, floor)
    if gap.distance <= gap.slack:
        reason = f", within {gap.slack:.2g} of rounding" if gap.distance else ""
        return Judged(gap, Verdict.EQUIVALENT, gap.says + reason, gap.slack, floor)
    if math.isinf(gap.distance) or not gap.noisy:
        return _outside(gap, bench, gap.slack, floor, "")
    exact = _exact(gap, bench)
    return _against_noise(gap, bench, floor) if exact is None else _beside(exact, gap, bench, floor)


def _beside(exact: Exact, gap: Gap, bench: Bench, floor: float | None) -> Judged:
    """A gap where other bits agree. For weights they refute too whatever is said to compute otherwise."""
    limit, reason = max(gap.slack, exact.least), f"; yet {exact.says}, so rounding does not explain it"
    if gap.aspect == "weights":
        return Judged(gap, Verdict.DIVERGED, gap.says + reason, limit, floor, proved=True)
    return replace(_outside(gap, bench, limit, floor, reason), proved=True)


def _against_noise(gap: Gap, bench: Bench, floor: float | None) -> Judged:
    if floor is None or not bench.measured:
        reason = "; the noise of another machine was not measured, so nothing follows"
        return Judged(gap, Verdict.INCONCLUSIVE, gap.says + reason, gap.slack, floor)
    limit = max(gap.slack, gap.coarse, SAFETY * floor, LEAST_NOISE)
    if gap.distance is not None and gap.distance > limit:
        reason = f"; noise explains {_limit(limit, floor)}"
        return _outside(gap, bench, limit, floor, reason)
    if floor >= (LOUD if gap.aspect == "weights" else TOO_HIGH):
        if _beats_controls(gap, bench):
            return Judged(gap, Verdict.CONSISTENT, gap.says + _beaten(bench), limit, floor)
        reason = f"; the floor of {floor:.2g} is too high to tell noise from another recipe"
        return Judged(gap, Verdict.INCONCLUSIVE, gap.says + reason, limit, floor)
    reason = f", inside the noise of {_limit(limit, floor)}"
    return Judged(gap, Verdict.EQUIVALENT, gap.says + reason, limit, floor)


def _floor(gap: Gap, floors: Floors) -> float | None:
    """The largest distance of that kind between trainings of ours, at any moment; for a curve, of that tag."""
    known = [
        value
        for (aspect, key), value in floors.items()
        if aspect == gap.aspect
        and (key == gap.key if aspect == "curve" else is_outside(key) == is_outside(gap.key))
    ]
    return max(known, default=None)


def _limit(limit: float, floor: float) -> str:
    if limit > SAFETY * floor:
        return f"{limit:.2g} (the floor measured here is {floor:.2g})"
    return f"{limit:.2g} ({SAFETY:g} x the floor of {floor:.2g})"


def _exact(gap: Gap, bench: Bench) -> Exact | None:
    """The proof, if any, that noise cannot be what sets a gap apart."""
    return next((proof for proof in bench.exact if proof.covers(gap)), None)


def _outside(gap: Gap, bench: Bench, limit: float, floor: float | None, reason: str) -> Judged:
    if bench.excuse is not None and gap.aspect != "init" and not _is_closed_form(gap, bench):
        if _beats_controls(gap, bench):
            return Judged(gap, Verdict.CONSISTENT, gap.says + _beaten(bench), limit, floor)
        return Judged(gap, Verdict.INCONCLUSIVE, f"{gap.says}; but {bench.excuse}", limit, floor)
    if gap.aspect == "flops" and not bench.same_release:
        return Judged(gap, Verdict.INCONCLUSIVE, f"{gap.says}; but {COUNTED}", limit, floor)
    return Judged(gap, Verdict.DIVERGED, gap.says + reason, limit, floor)


def _is_loud(bench: Bench) -> bool:
    """Whether the weights' floor hides a small change of recipe."""
    return any(value >= LOUD for value in of_updates(bench.floors))


def _beats_controls(gap: Gap, bench: Bench) -> bool:
    """Whether the weights lie clearly nearer to the declared recipe than to every near one that was trained."""
    if gap.aspect != "weights" or gap.distance is None or bench.control is None:
        return False
    return math.isfinite(gap.distance) and MARGIN * gap.distance <= bench.control


def _beaten(bench: Bench) -> str:
    return f"; the nearest of the controls is {bench.control:.2g} away"


def _is_closed_form(gap: Gap, bench: Bench) -> bool:
    """Whether the recipe alone fixes the value: no device and, within one release, nothing else can excuse it."""
    return bench.same_release and (
        gap.aspect in ("scheduler", "state", "flops") or gap.key == "learning_rate"
    )


def _by_convention(item: Judged, bench: Bench) -> Judged:
    """A curve that only another release's way of logging sets apart is no divergence."""
    convention = item.gap.convention
    if convention is None or bench.same_release or item.verdict in (Verdict.IDENTICAL, Verdict.EQUIVALENT):
        return item
    says, rest = convention
    limit = item.gap.slack if _exact(item.gap, bench) else max(item.limit, item.gap.slack)
    if rest > limit:
        return item
    return replace(
        item, verdict=Verdict.EQUIVALENT, why=f"{says}; apart from that it agrees within {limit:.2g}"
    )
