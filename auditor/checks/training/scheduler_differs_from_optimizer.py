"""scheduler.pt and optimizer.pt of one checkpoint disagree about the learning rate, or the scheduler about its steps.

A scheduler step writes the new rate into the optimizer's groups and keeps it as `_last_lr`; `base_lrs` are the groups'
`initial_lr`, and every step raises `last_epoch` and `_step_count` alike, the latter having begun one higher (torch,
optim/lr_scheduler.py, `step`). The Trainer saves both files in the same moment (transformers 4.51.3, trainer.py,
`_save_optimizer_and_scheduler`). Files that disagree are not of one checkpoint, or one was edited: resuming loads both
and trains at another rate.

Wrong when: the script changes the optimizer's rate outside the scheduler.

Fix: publish scheduler.pt and optimizer.pt of one checkpoint.

Bad:
    checkpoint-9/scheduler.pt: = copy of checkpoint-18/scheduler.pt

Good:
    # as the trainer wrote it
"""

from collections.abc import Iterator, Sequence

from auditor.artifacts.optimizer_state import OptimizerState
from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.ERROR

RTOL = 1e-9
"""Both are float64 and the same number; what is allowed for is a cast to float32 and back on the way: none is known."""


_ALWAYS = ("last_epoch", "_step_count")
"""LRScheduler keeps its whole `__dict__` but the optimizer (torch 2.13.0, optim/lr_scheduler.py, `state_dict`)."""


def check(
    scheduler: SchedulerState, optimizer: OptimizerState | None, received: TrainingArgs | None
) -> Iterator[Problem | Skip]:
    """One finding: the first thing that differs."""
    # accelerate's scheduler counts the calls that gradient accumulation left out; the Trainer uses it with DeepSpeed.
    exact = received is not None and not received.get("deepspeed")
    found = next(_structure(scheduler), None) or next(_counters(scheduler, exact), None)
    if found is None and optimizer is not None:
        found = next(_rates(scheduler, optimizer), None)
    if found is not None:
        yield found
    elif optimizer is None:
        yield Skip(f"no optimizer.pt was read beside {scheduler.path}")


def _structure(scheduler: SchedulerState) -> Iterator[Problem]:
    """What every scheduler keeps, and one rule for each rate of a LambdaLR."""
    raw = scheduler.raw
    if not raw.keys() >= {"base_lrs", "_last_lr"}:
        return
    for key in _ALWAYS:
        if key not in raw:
            yield Problem(
                f"{scheduler.path} holds rates and no {key}",
                scheduler.at(key),
                expected=f"{key}, as every scheduler keeps it",
                observed="none",
            )
    rates, lambdas = raw["base_lrs"], raw.get("lr_lambdas", raw["base_lrs"])
    counts = [len(item) if isinstance(item, list) else None for item in (rates, lambdas)]
    if counts[0] != counts[1]:
        yield Problem(
            f"{scheduler.path} holds {counts[0]} rates and {counts[1] or 'no'} rules for them",
            scheduler.at("lr_lambdas"),
            expected=str(counts[0]),
            observed=str(counts[1]),
        )


def _counters(scheduler: SchedulerState, exact: bool) -> Iterator[Problem]:
    raw = scheduler.raw
    if "_step_count" in raw and "last_epoch" in raw:
        steps, epoch = scheduler.step_count, scheduler.last_epoch
        if steps is None or epoch is None or steps < epoch + 1 or (exact and steps > epoch + 1):
            yield Problem(
                f"{scheduler.path} counts {_shown(raw['_step_count'])} calls in {_shown(raw['last_epoch'])} steps",
                scheduler.at("_step_count"),
                expected="one more than last_epoch",
                observed=_shown(raw["_step_count"]),
            )
    for flag in ("_is_initial", "_get_lr_called_within_step"):
        if raw.get(flag, False) is not False:
            yield Problem(
                f"{scheduler.path} was saved in the middle of a step: {flag} is {_shown(raw[flag])}",
                scheduler.at(flag),
                expected="false",
                observed=_shown(raw[flag]),
            )


def _rates(scheduler: SchedulerState, optimizer: OptimizerState) -> Iterator[Problem]:
    for key, rates, setting in (
        ("base_lrs", scheduler.raw.get("base_lrs"), "initial_lr"),
        ("_last_lr", scheduler.raw.get("_last_lr"), "lr"),
    ):
        theirs = [group.get(setting) for group in optimizer.param_groups]
        if not isinstance(rates, list) or not rates or not theirs or all(item is None for item in theirs):
            continue
        at = _first_difference(rates, theirs)
        if at is not None:
            yield Problem(
                f"{scheduler.path} has the rate {_at(rates, at)} for group {at}, and optimizer.pt {_at(theirs, at)}",
                scheduler.at(f"{key}/{at}"),
                expected=_at(theirs, at),
                observed=_at(rates, at),
                evidence=(f"{key} of the scheduler is {setting} of {optimizer.path}",),
            )


def _first_difference(one: Sequence[object], other: Sequence[object]) -> int | None:
    if len(one) != len(other):
        return min(len(one), len(other))
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=True)) if not _same(a, b)), None)


def _same(one: object, other: object) -> bool:
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return one is other
    return one == other or abs(one - other) <= RTOL * max(abs(one), abs(other))


def _at(values: Sequence[object], at: int) -> str:
    return _shown(values[at]) if at < len(values) else "none"


def _shown(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)
