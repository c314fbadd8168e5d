"""The learning rate by step, for every schedule of Transformers that has a closed form.

Source: transformers 4.51.3 and 5.23.0, optimization.py (``_get_*_lr_lambda``, ``get_scheduler``). Not here:
reduce_lr_on_plateau and greedy, which follow the losses: `why_no_form` says so.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Options = Mapping[str, object]
"""``lr_scheduler_kwargs``: what a schedule takes besides warm-up and length."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """``warmup`` and ``total`` in steps, ``peak`` the learning rate that the multiplier is of."""

    warmup: int
    total: int
    peak: float
    options: Options = field(default_factory=dict)
    older: bool = False
    """Of transformers 4.46.3 and before, where the warm-up of warmup_stable_decay begins at zero (by 4.49.0 at
    ``min_lr_ratio``); all else is one form from 4.36.2 to 5.23.0.
    """

    def number(self, key: str, default: float) -> float:
        """An option, or its default in optimization.py. Raises ValueError when it is no finite number."""
        value = self.options.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(key)
        return float(value)

    def word(self, key: str, default: str) -> str:
        """An option that names a shape. Raises ValueError when it is no text."""
        value = self.options.get(key, default)
        if not isinstance(value, str):
            raise ValueError(key)
        return value


def rate(kind: str, step: int, schedule: Schedule) -> float:
    """The learning rate in force after ``step`` steps of the scheduler: ``_last_lr`` when ``last_epoch`` is ``step``.

    ``kind`` is one of FORMS. Raises ValueError for options without a meaning; `why_no_form` tells before.
    """
    return schedule.peak * factor(kind, step, schedule)


def factor(kind: str, step: int, schedule: Schedule) -> float:
    """The multiplier at a step; ``kind`` is one of FORMS. Raises ValueError for options without a meaning."""
    if kind == "constant":
        return 1.0
    if kind in _OWN_WARMUP:
        return FORMS[kind](step, schedule)
    if step < schedule.warmup:
        return step / max(1, schedule.warmup)
    return FORMS[kind](step, schedule)


def _progress(step: int, of: Schedule) -> float:
    return (step - of.warmup) / max(1, of.total - of.warmup)


def _flat(_step: int, _of: Schedule) -> float:
    return 1.0


def _linear(step: int, of: Schedule) -> float:
    return max(0.0, (of.total - step) / max(1, of.total - of.warmup))


def _cosine(step: int, of: Schedule) -> float:
    waves = of.number("num_cycles", 0.5)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * waves * 2.0 * _progress(step, of))))


def _restarts(step: int, of: Schedule) -> float:
    progress = _progress(step, of)
    if progress >= 1.0:
        return 0.0
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * (of.number("num_cycles", 1) * progress % 1.0))))


def _polynomial(step: int, of: Schedule) -> float:
    end = of.number("lr_end", 1e-7)
    if step > of.total:
        return end / of.peak
    # Where the warm-up takes all steps the library divides by zero too.
    remaining = 1 - (step - of.warmup) / (of.total - of.warmup)
    decayed: float = remaining ** of.number("power", 1.0)
    return ((of.peak - end) * decayed + end) / of.peak


def _inverse_sqrt(step: int, of: Schedule) -> float:
    stated = of.options.get("timescale")
    scale = of.number("timescale", 0) if stated is not None else of.warmup or 10_000
    if scale <= 0 or step + scale - of.warmup <= 0:
        raise ValueError("timescale")
    return 1.0 / math.sqrt((step + scale - of.warmup) / scale)


def _least(of: Schedule) -> float:
    """``min_lr`` by the peak, or ``min_lr_rate``. Raises ValueError when neither is given."""
    if of.options.get("min_lr") is not None:
        return of.number("min_lr", 0) / of.peak
    return of.number("min_lr_rate", math.nan)


def _cosine_to_least(step: int, of: Schedule) -> float:
    least = _least(of)
    return max(0.0, _wave(of, _progress(step, of)) * (1 - least) + least)


def _wave(of: Schedule, progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * of.number("num_cycles", 0.5) * 2.0 * progress))


def _warm_cosine_to_least(step: int, of: Schedule) -> float:
    """Its warm-up begins above zero, and its decay one step earlier."""
    least = _least(of)
    if step < of.warmup:
        if of.options.get("warmup_lr_rate") is None:
            return (step + 1.0) / max(1.0, of.warmup)
        begin = of.number("warmup_lr_rate", 0)
        return begin + (1.0 - begin) * step / max(1, of.warmup - 1)
    progress = (step - of.warmup + 1.0) / max(1.0, of.total - of.warmup)
    return max(0.0, _wave(of, progress) * (1 - least) + least)


def _stable(step: int, of: Schedule) -> float:
    """Warm-up, plateau and decay; the plateau takes what the other two leave unless its length is given."""
    least, decay = of.number("min_lr_ratio", 0), int(of.number("num_decay_steps", math.nan))
    if of.options.get("num_stable_steps") is not None:
        plateau = int(of.number("num_stable_steps", 0))
    else:
        plateau = of.total - of.warmup - decay
    if step < of.warmup:
        progress = step / max(1, of.warmup)
        least = 0.0 if of.older else least
        return max(0.0, _rising(of.word("warmup_type", "linear"), progress) * (1 - least) + least)
    if step < of.warmup + plateau:
        return 1.0
    if step < of.warmup + plateau + decay:
        progress = (step - of.warmup - plateau) / max(1, decay)
        return max(0.0, _falling(of, progress) * (1 - least) + least)
    return least


def _rising(shape: str, progress: float) -> float:
    if shape == "cosine":
        return 0.5 * (1.0 - math.cos(math.pi * progress))
    if shape == "1-sqrt":
        return 1.0 - math.sqrt(1.0 - progress)
    if shape != "linear":
        raise ValueError(shape)
    return progress


def _falling(of: Schedule, progress: float) -> float:
    shape = of.word("decay_type", "cosine")
    if shape == "cosine":
        return _wave(of, progress)
    if shape == "1-sqrt":
        return 1.0 - math.sqrt(progress)
    if shape != "linear":
        raise ValueError(shape)
    return 1.0 - progress


FORMS: Mapping[str, Callable[[int, Schedule], float]] = {
    "linear": _linear,
    "cosine": _cosine,
    "constant": _flat,
    "constant_with_warmup": _flat,
    "cosine_with_restarts": _restarts,
    "polynomial": _polynomial,
    "inverse_sqrt": _inverse_sqrt,
    "cosine_with_min_lr": _cosine_to_least,
    "cosine_warmup_with_min_lr": _warm_cosine_to_least,
    "warmup_stable_decay": _stable,
}
"""SchedulerType's value -> its form after the warm-up."""
_OWN_WARMUP = ("cosine_warmup_with_min_lr", "warmup_stable_decay")
_OPTIONS: Mapping[str, frozenset[str]] = {
    "linear": frozenset(),
    "cosine": frozenset({"num_cycles"}),
    "cosine_with_restarts": frozenset({"num_cycles"}),
    "polynomial": frozenset({"lr_end", "power"}),
    "inverse_sqrt": frozenset({"timescale"}),
    "cosine_with_min_lr": frozenset({"num_cycles", "min_lr", "min_lr_rate"}),
    "cosine_warmup_with_min_lr": frozenset({"num_cycles", "min_lr", "min_lr_rate", "warmup_lr_rate"}),
    "warmup_stable_decay": frozenset(
        {"num_decay_steps", "num_stable_steps", "warmup_type", "decay_type", "min_lr_ratio", "num_cycles"}
    ),
}
"""What each takes and stops at anything else; get_scheduler gives constant and constant_with_warmup no options at all,
so that whatever stands in ``lr_scheduler_kwargs`` is passed over (4.51.3 and 5.23.0)."""
_FOLLOWING: Mapping[str, str] = {
    "reduce_lr_on_plateau": "follows the metric of each evaluation",
    "greedy": "follows the losses",
}
"""Schedules whose rate no formula of the step gives, and what they go by."""


def has_form(kind: str, schedule: Schedule) -> bool:
    """Whether the kind is known and these options give it a rate from the first to the last step."""
    return why_no_form(kind, schedule) is None


def why_no_form(kind: str, schedule: Schedule) -> str | None:
    """Why no formula gives the rate of this schedule, as the end of a sentence; None where `rate` does."""
    if kind in _FOLLOWING:
        return f"{kind} {_FOLLOWING[kind]}, so it has no closed form"
    if kind not in FORMS:
        return "the schedule is none of Transformers'"
    unknown = sorted(map(str, schedule.options.keys() - _OPTIONS.get(kind, schedule.options.keys())))
    if unknown:
        return f"{kind} takes no {unknown[0][:100]}"
    if {"min_lr", "min_lr_rate"} <= {key for key, value in schedule.options.items() if value is not None}:
        return f"{kind} takes min_lr or min_lr_rate, not both"
    try:
        for step in (0, schedule.warmup, schedule.total):
            factor(kind, step, schedule)
    except (ValueError, OverflowError, ZeroDivisionError, TypeError):
        return f"lr_scheduler_kwargs give {kind} no rate"
    return None


@dataclass(frozen=True, slots=True)
class Named:
    """A schedule and its kind, one of FORMS or one that `why_no_form` explains."""

    kind: str
    schedule: Schedule


def of_arguments(arguments: Mapping[str, object], total: int) -> Named | str:
    """The schedule that training arguments ask for over ``total`` steps, or what they lack (the end of a sentence).

    ``arguments`` are the attributes of TrainingArguments as plain data, from training_args.bin or an event file.
    """
    kind, peak = arguments.get("lr_scheduler_type"), _positive(arguments.get("learning_rate"))
    if not isinstance(kind, str):
        return "the training arguments name no lr_scheduler_type"
    if peak is None:
        return "the training arguments name no learning_rate"
    options = arguments.get("lr_scheduler_kwargs")
    given = {str(key): item for key, item in options.items()} if isinstance(options, Mapping) else {}
    word = kind.rpartition(".")[2].lower()[:100]
    return Named(word, Schedule(warmup_steps(arguments, total), total, peak, given))


def warmup_steps(arguments: Mapping[str, object], total: int) -> int:
    """Steps of warm-up: ``warmup_steps``, where it is 0 ``ceil(total * warmup_ratio)``.

    From transformers 5.0 on a ``warmup_steps`` below one is a share of the steps (4.51.3 and 5.23.0,
    training_args.py, ``get_warmup_steps``).
    """
    asked = _positive(arguments.get("warmup_steps"))
    if asked is not None and asked >= 1:
        return int(asked)
    share = asked if asked is not None else _positive(arguments.get("warmup_ratio"))
    return math.ceil(total * share) if share is not None and share <= 1 else 0


def _positive(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0 < value < 2**63 else None  # type: ignore[operator, arg-type]


def sampled(named: Named, most: int = 200) -> tuple[tuple[int, float], ...]:
    """The curve as at most ``most`` points (step, rate), from 0 to the last step, the end of the warm-up among them.

    Raises ValueError where `why_no_form` has a reason.
    """
    total, warmup = named.schedule.total, named.schedule.warmup
    count = min(most - 1, total + 1)
    steps = {round(at * total / max(count - 1, 1)) for at in range(count)} | {min(warmup, total)}
    return tuple((step, rate(named.kind, step, named.schedule)) for step in sorted(steps))
