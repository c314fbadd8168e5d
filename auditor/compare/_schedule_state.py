"""scheduler.pt: the schedule that the training arguments ask for, held against the rate that it had reached."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.compare import schedules
from auditor.compare.schedules import Named

RTOL = 1e-9
"""Rates are computed and pickled as float64; what remains is the order of operations."""
NEAR_ZERO = 1e-12
"""Of the peak: at the end of a cosine the closed form gives 1e-17 where the library gives 0."""
LAST_STEP = 2**53
"""Steps beyond this are no step of a training and do not fit a float."""


@dataclass(frozen=True, slots=True)
class ScheduleDescription:
    """A learning-rate schedule. Steps are the scheduler's own, one each optimizer step; rates are absolute.

    ``kind`` is a name of transformers' SchedulerType; ``warmup`` and ``total`` are in steps, ``peak`` the learning
    rate asked for, and ``base_lrs`` what the optimizer was built with, per parameter group, as ``last_lr`` is.
    ``expected`` is ``last_lr`` by the closed form; ``agrees`` whether both are equal to 1e-9, None where there is no
    closed form or nothing to compare. ``curve`` holds up to 200 points (step, rate) of the whole schedule. ``says``
    is the sentence, ``notes`` further ones.
    """

    path: str | None
    kind: str | None
    warmup: int | None
    total: int | None
    peak: float | None
    base_lrs: tuple[float, ...]
    last_epoch: int | None
    last_lr: tuple[float, ...]
    expected: tuple[float, ...] | None
    agrees: bool | None
    curve: tuple[tuple[int, float], ...]
    says: str
    notes: tuple[str, ...] = ()


def describe_schedule(
    scheduler: SchedulerState | None,
    state: TrainerState | None,
    arguments: Mapping[str, object] | None,
) -> ScheduleDescription:
    """The schedule of one checkpoint. Never raises; what is missing is said.

    ``state`` gives the length (``max_steps``), ``arguments`` (attributes of TrainingArguments, from training_args.bin
    or an event file) the kind, the peak, the warm-up and ``lr_scheduler_kwargs``: scheduler.pt keeps none of them.
    """
    named = _named(scheduler, state, arguments)
    told = named.schedule if isinstance(named, Named) else None
    why = named if isinstance(named, str) else schedules.why_no_form(named.kind, named.schedule)
    known = named if isinstance(named, Named) and why is None else None
    known, expected, agrees = _held(scheduler, known)
    return ScheduleDescription(
        path=scheduler.path if scheduler else None,
        kind=named.kind if isinstance(named, Named) else _kind_of_state(scheduler),
        warmup=told.warmup if told and known else None,
        total=told.total if told else None,
        peak=told.peak if told else None,
        base_lrs=scheduler.base_lrs if scheduler else (),
        last_epoch=scheduler.last_epoch if scheduler else None,
        last_lr=scheduler.last_lr if scheduler else (),
        expected=expected,
        agrees=agrees,
        curve=_curve(known) if known else (),
        says=_sentence(scheduler, known, why, expected, agrees),
        notes=tuple(_notes(scheduler, state, told)),
    )


def _named(
    scheduler: SchedulerState | None, state: TrainerState | None, arguments: Mapping[str, object] | None
) -> Named | str:
    """The schedule asked for, or why it is not known."""
    if arguments is None:
        return "no training arguments say which schedule was asked for, and scheduler.pt does not keep it"
    total = state.max_steps if state else None
    if total is None or total < 1:
        asked = arguments.get("max_steps")
        total = asked if isinstance(asked, int) and not isinstance(asked, bool) else 0
    if not 0 < total <= LAST_STEP:
        return "the number of steps of the whole schedule is not known"
    found = schedules.of_arguments(arguments, total)
    kept = _kind_of_state(scheduler)
    if isinstance(found, Named) and kept is not None and found.kind != kept:
        return f"scheduler.pt holds the state of {kept}, and the training arguments ask for {found.kind}"
    return found


_PLATEAU = frozenset({"num_bad_epochs", "patience"})
"""Keys of ReduceLROnPlateau's state (torch 2.13.0, optim/lr_scheduler.py), which GreedyLR has too."""


def _kind_of_state(scheduler: SchedulerState | None) -> str | None:
    """reduce_lr_on_plateau or greedy, whose states tell; all others leave the same keys."""
    if scheduler is None or not scheduler.raw.keys() >= _PLATEAU:
        return None
    return "greedy" if "num_good_epochs" in scheduler.raw else "reduce_lr_on_plateau"


def _expected(scheduler: SchedulerState | None, known: Named | None) -> tuple[float, ...] | None:
    """The closed form at ``last_epoch`` for each group: its own base rate times the multiplier of the peak."""
    if scheduler is None or known is None or scheduler.last_epoch is None:
        return None
    if not 0 <= scheduler.last_epoch <= LAST_STEP:
        return None
    try:
        factor = schedules.factor(known.kind, scheduler.last_epoch, known.schedule)
    except (ValueError, OverflowError, ZeroDivisionError, TypeError):
        return None
    return tuple(base * factor for base in scheduler.base_lrs) or None


def _curve(known: Named) -> tuple[tuple[int, float], ...]:
    """() where options give a rate at the ends and none between."""
    try:
        return schedules.sampled(known)
    except (ValueError, OverflowError, ZeroDivisionError, TypeError):
        return ()


def _held(
    scheduler: SchedulerState | None, known: Named | None
) -> tuple[Named | None, tuple[float, ...] | None, bool | None]:
    """The schedule, its rates at ``last_epoch`` and whether they agree; an older release's where only that does."""
    expected = _expected(scheduler, known)
    if scheduler is None or known is None or expected is None:
        return known, expected, None
    agrees = _agree(expected, scheduler.last_lr, known.schedule.peak)
    if agrees is False and not known.schedule.older:
        older = _held(scheduler, replace(known, schedule=replace(known.schedule, older=True)))
        if older[2]:
            return older
    return known, expected, agrees


def _agree(expected: tuple[float, ...], found: tuple[float, ...], peak: float) -> bool | None:
    if len(expected) != len(found):
        return None
    pairs = zip(expected, found, strict=True)
    return all(abs(a - b) <= max(RTOL * abs(b), NEAR_ZERO * peak) for a, b in pairs)


def _sentence(
    scheduler: SchedulerState | None,
    known: Named | None,
    why: str | None,
    expected: tuple[float, ...] | None,
    agrees: bool | None,
) -> str:
    if known is None:
        return why or ""
    words = _words(known)
    if scheduler is None:
        return f"{words}; no scheduler.pt was read to hold it against"
    if agrees is None or expected is None:
        return f"{words}; scheduler.pt holds no rate of a step to hold it against"
    at = f"step {scheduler.last_epoch:,}"
    if agrees:
        return f"{words} gives the rate {expected[0]:.6g} that scheduler.pt has at {at}"
    pairs = zip(expected, scheduler.last_lr, strict=True)
    one, other = next((a, b) for a, b in pairs if _agree((a,), (b,), known.schedule.peak) is not True)
    return f"{words} gives {one:.9g} at {at}, and scheduler.pt has {other:.9g}"


def _words(known: Named) -> str:
    of = known.schedule
    warm = f" after {of.warmup:,} warm-up steps" if of.warmup and known.kind != "constant" else ""
    return f"{known.kind}{warm} to step {of.total:,} from {of.peak:.6g}"


def _notes(
    scheduler: SchedulerState | None, state: TrainerState | None, told: schedules.Schedule | None
) -> list[str]:
    if scheduler is None:
        return []
    found = []
    made = state.global_step if state else None
    if made is not None and scheduler.last_epoch is not None and made != scheduler.last_epoch:
        gap = made - scheduler.last_epoch
        side = "behind" if gap > 0 else "ahead of"
        found.append(f"the scheduler is {abs(gap):,} steps {side} global_step {made:,}")
    odd = [rate for rate in scheduler.base_lrs if told and abs(rate - told.peak) > RTOL * told.peak]
    if told and odd:
        rates = ", ".join(f"{rate:.6g}" for rate in sorted(set(odd))[:4])
        found.append(
            f"the optimizer was built with {rates}, and the training arguments ask for {told.peak:.6g}"
        )
    return found
