"""Which schedules a few observed learning rates fit.

Warm-up steps are ``ceil(ratio * max_steps)`` unless given (transformers 4.51.3 and 5.23.0, training_args.py
``get_warmup_steps``).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from auditor.claims import DECLARED, EFFECTIVE, Ledger, received
from auditor.compare.schedules import Options, Schedule, factor, has_form
from auditor.evidence._against import plain
from auditor.evidence._say import contradicted, number, real, unverifiable, verified, whole
from auditor.model import Evidence, Status
from auditor.runs import Run

LAST_STEP = 2**53
"""Steps beyond this are no step of a training and do not fit a float."""
KINDS = ("linear", "cosine", "constant", "constant_with_warmup")
"""Schedules that need no options, which are tried where the one that was asked for does not fit."""


@dataclass(frozen=True, slots=True)
class Point:
    """The learning rate in force at scheduler step ``step``."""

    step: int
    rate: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule: its kind, peak rate, warm-up steps and total steps."""

    kind: str
    peak: float
    warmup: int
    total: int
    options: Options = field(default_factory=dict)

    def rate(self, step: int) -> float:
        """The learning rate at a scheduler step."""
        return self.peak * factor(self.kind, step, self.schedule)

    @property
    def schedule(self) -> Schedule:
        """What the closed forms ask for."""
        return Schedule(self.warmup, self.total, self.peak, self.options)

    def fits(self, points: Sequence[Point], rtol: float) -> bool:
        """Whether every point lies on the schedule, within ``rtol`` of the rate or 1e-9 of the peak."""
        return all(
            abs(self.rate(p.step) - p.rate) <= max(rtol * abs(p.rate), 1e-9 * self.peak) for p in points
        )


def warmup_steps(ledger: Ledger, total: int) -> tuple[int, tuple[str, ...]]:
    """Warm-up steps as declared (else as effective), and the claims that say so; (0, ()) when nobody asks.

    In one source, warmup_steps above zero outweighs warmup_ratio.
    """
    found: dict[str, dict[str, int]] = {}
    for role in (DECLARED, EFFECTIVE):
        for key in ("warmup_steps", "warmup_ratio"):
            asked = real(plain(ledger.value(key, role)))
            if asked is not None and asked > 0 and (key == "warmup_steps" or asked <= 1):
                # From transformers 5.0 on a warmup_steps below one is a share of the steps.
                steps = int(asked) if key == "warmup_steps" and asked >= 1 else math.ceil(total * asked)
                found.setdefault(role, {})[key] = steps
    ruling = found.get(DECLARED) or found.get(EFFECTIVE)
    if not ruling:
        return 0, ()
    steps = next(iter(ruling.values()))
    keys = [key for said in found.values() for key, value in said.items() if value == steps]
    return steps, tuple(dict.fromkeys(keys))


@dataclass(frozen=True, slots=True)
class Asked:
    """The schedule that was asked for, and the claims that give its warm-up."""

    plan: Plan
    warmup: tuple[str, ...]


def asked(ledger: Ledger, total: int | None, options: Options | None = None) -> Asked | None:
    """The declared (else effective) schedule; None when rate or kind is not said, or the kind has no form.

    ``options`` are the ``lr_scheduler_kwargs`` that the trainer received; where nobody says (None) only the schedules
    that need none are judged.
    """
    rate = ledger.statement("learning_rate", DECLARED, EFFECTIVE)
    kind = ledger.statement("lr_scheduler_type", DECLARED, EFFECTIVE)
    peak = real(plain(rate.value)) if rate else None
    if rate is None or kind is None or peak is None or not peak > 0 or not total or total < 1:
        return None
    word = str(kind.value).rpartition(".")[2].lower()
    if options is None and word not in KINDS:
        return None
    steps, claims = (0, ()) if word == "constant" else warmup_steps(ledger, total)
    plan = Plan(word, peak, steps, total, options or {})
    return Asked(plan, claims) if has_form(word, plan.schedule) else None


def naming_declared(items: Iterable[Evidence], ledger: Ledger) -> Iterator[Evidence]:
    """Contradictions of a declared claim with the declaring file among their paths, as it is the one held to them."""
    for item in items:
        stated = ledger.statement(item.claim, DECLARED)
        told = stated is not None and item.outcome is Status.CONTRADICTED
        yield replace(item, paths=(*item.paths, stated.path)) if stated is not None and told else item


def options_of(run: Run) -> Options | None:
    """The ``lr_scheduler_kwargs`` of training_args.bin, else of the last event file; None when nobody says."""
    arguments = received(run)
    known = [arguments.values] if arguments else [args for log in run.events[-1:] if (args := log.args())]
    if not known:
        return None
    found = known[0].get("lr_scheduler_kwargs")
    return found if isinstance(found, dict) else {}


def others(plan: Plan) -> Iterator[tuple[str, Plan]]:
    """Schedules that differ in one thing, with the claim they would change: the kind, or no warm-up."""
    for kind in KINDS:
        if kind != plan.kind:
            yield "lr_scheduler_type", Plan(kind, plan.peak, plan.warmup, plan.total)
    if plan.warmup:
        yield "warmup", replace(plan, warmup=0)


def judge(asked: Asked, points: Sequence[Point], rtol: float, where: str, *paths: str) -> Iterator[Evidence]:
    """One outcome each for the kind, the warm-up and (only where they fit) the peak rate."""
    plan = asked.plan
    shown = f"the {f'{len(points)} learning rates' if len(points) > 1 else 'learning rate'} in {where}"
    rivals = [(claim, other) for claim, other in others(plan) if other.fits(points, rtol)]
    if plan.fits(points, rtol):
        yield from _fits(plan, rivals, shown, asked.warmup, _detail(plan, points), *paths)
        if any(point.rate > 0 for point in points):
            says = f"{_words(plan)} explains {shown}"
            yield verified("learning_rate", says, _detail(plan, points), plan.peak, *paths)
        return
    scaled = _rescaled(plan, points, rtol)
    if scaled is not None:
        says = f"{plan.kind} with a peak of {number(scaled)}, not of {number(plan.peak)}, explains {shown}"
        yield contradicted("learning_rate", says, _detail(plan, points), scaled, *paths)
        return
    if asked.warmup:
        rivals += [("warmup", other) for other in _other_warmups(plan, points) if other.fits(points, rtol)]
    yield from _unfit(plan, rivals, shown, asked.warmup, _detail(plan, points), *paths)


def _other_warmups(plan: Plan, points: Sequence[Point]) -> Iterator[Plan]:
    """The same schedule with the warm-up that the first rate on a ramp implies; several rates must agree."""
    first = next((p for p in points if p.step > 0 and 0 < p.rate < plan.peak), None)
    if first is None or sum(p.rate > 0 for p in points) < 3 or plan.kind == "constant":
        return
    steps = round(plan.peak * first.step / first.rate)
    if 0 < steps <= plan.total and steps != plan.warmup:
        yield replace(plan, warmup=steps)


def _fits(
    plan: Plan,
    rivals: Sequence[tuple[str, Plan]],
    shown: str,
    warm: tuple[str, ...],
    detail: str,
    *paths: str,
) -> Iterator[Evidence]:
    kinds = [other.kind for claim, other in rivals if claim == "lr_scheduler_type"]
    if kinds:
        says = f"{plan.kind} and {' and '.join(kinds)} explain {shown} alike"
        yield unverifiable("lr_scheduler_type", says, *paths)
    else:
        says = f"{_words(plan)} explains {shown}"
        yield verified("lr_scheduler_type", says, detail, plan.kind, *paths)
    for claim in warm:
        if any(changed == "warmup" for changed, _ in rivals):
            yield unverifiable(claim, f"{shown} would be the same without a warm-up", *paths)
        else:
            says = f"{plan.warmup} warm-up steps of {plan.total} explain {shown}"
            yield verified(claim, says, detail, plan.warmup, *paths)


def _unfit(
    plan: Plan,
    rivals: Sequence[tuple[str, Plan]],
    shown: str,
    warm: tuple[str, ...],
    detail: str,
    *paths: str,
) -> Iterator[Evidence]:
    """The asked schedule does not fit: a contradiction where all that do fit differ in the same claim."""
    says = f"{_words(plan)} does not explain {shown}"
    changed = {claim for claim, _ in rivals}
    if len(changed) != 1:
        says = f"{says}, nor does one other schedule"
        yield unverifiable("lr_scheduler_type", says, *paths)
        return
    fitting = " or ".join(_words(other) for _, other in rivals)
    claims = warm if changed == {"warmup"} else ("lr_scheduler_type",)
    value = rivals[0][1].warmup if changed == {"warmup"} else rivals[0][1].kind
    for claim in claims:
        yield contradicted(claim, f"{says}; {fitting} does", detail, value, *paths)


def _rescaled(plan: Plan, points: Sequence[Point], rtol: float) -> float | None:
    """The peak under which all points lie on the same shape, where they pin the shape down; else None."""
    telling = [p for p in points if plan.rate(p.step) > 0 and p.rate > 0]
    if not telling or not _pinned(plan, telling):
        return None
    peak = plan.peak * telling[0].rate / plan.rate(telling[0].step)
    return peak if replace(plan, peak=peak).fits(points, max(rtol, 1e-6)) else None


def _pinned(plan: Plan, points: Sequence[Point]) -> bool:
    """Whether another warm-up cannot imitate another peak.

    On the ramp alone, and on linear decay alone, a longer warm-up scales all rates alike: points must lie
    on both sides of the warm-up's end, or (without one) at the very start.
    """
    if plan.kind.startswith("constant"):
        return sum(point.step >= plan.warmup for point in points) >= 2
    after = any(point.step > max(plan.warmup, 1) for point in points)
    if plan.warmup == 0:
        return after and any(point.step <= 1 for point in points)
    return after and any(0 < point.step <= plan.warmup for point in points)


def _words(plan: Plan) -> str:
    warm = f" after {plan.warmup} warm-up steps" if plan.warmup else " without warm-up"
    return f"{plan.kind}{warm} to step {plan.total} from {number(plan.peak)}"


def _detail(plan: Plan, points: Sequence[Point]) -> str:
    """The first point that is not zero, else the first, against the closed form."""
    point = next((p for p in points if p.rate > 0), points[0])
    return f"step {point.step}: {plan.rate(point.step):.9g} by the closed form, {point.rate:.9g} found"


def total_of(ledger: Ledger, recorded: int | None) -> int | None:
    """Steps of the whole schedule: trainer_state.json's max_steps, else the one that was asked for."""
    if recorded is not None and recorded > 0:
        return recorded
    given = whole(ledger.value("max_steps", EFFECTIVE, DECLARED))
    return given if given and given > 0 else None
