"""Peak learning rate, kind of schedule and warm-up, from scheduler.pt.

``base_lrs`` are the optimizer's initial learning rates, and ``_last_lr`` is the peak times the schedule's
multiplier at ``last_epoch`` (torch/optim/lr_scheduler.py LambdaLR; transformers 4.51.3 and 5.23.0,
optimization.py). The multiplier has a closed form for all schedules but reduce_lr_on_plateau and greedy.
``last_epoch`` counts the scheduler's own steps, so steps that fp16 skipped do not disturb this. Several
checkpoints give several points; at the end of training linear and cosine are both zero and cannot be told
apart.
"""

from collections.abc import Iterator

from auditor.artifacts.scheduler_state import SchedulerState
from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.evidence._against import plain
from auditor.evidence._say import contradicted, number, real, unverifiable, verified
from auditor.evidence._schedule import (
    LAST_STEP,
    Point,
    asked,
    judge,
    naming_declared,
    options_of,
    total_of,
)
from auditor.model import Evidence
from auditor.runs import Run

RTOL = 1e-9
"""Rates are computed and pickled as float64; what remains is the order of operations."""


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test learning_rate against base_lrs, and lr_scheduler_type and warm-up against _last_lr."""
    states = run.all(SchedulerState)
    if not states:
        return
    paths = tuple(state.path for state in states)
    peaks = {rate for state in states for rate in state.base_lrs}
    agree = True
    for item in _peak(ledger, peaks, paths):
        agree = item.outcome.value == "verified"
        yield item
    recorded = run.latest(TrainerState)
    wanted = asked(ledger, total_of(ledger, recorded.max_steps if recorded else None), options_of(run))
    points = [
        Point(state.last_epoch, state.last_lr[0])
        for state in states
        if state.last_epoch is not None
        and 0 <= state.last_epoch <= LAST_STEP
        and len(set(state.last_lr)) == 1
    ]
    if wanted is not None and points and agree:
        judged = naming_declared(judge(wanted, points, RTOL, "scheduler.pt", *paths), ledger)
        yield from (item for item in judged if item.claim != "learning_rate")


def _peak(ledger: Ledger, peaks: set[float], paths: tuple[str, ...]) -> Iterator[Evidence]:
    stated = ledger.statement("learning_rate", DECLARED, EFFECTIVE)
    wanted = real(plain(stated.value)) if stated else None
    if stated is None or wanted is None or not peaks:
        return
    near = [peak for peak in peaks if abs(peak - wanted) <= RTOL * abs(wanted)]
    shown = ", ".join(number(peak) for peak in sorted(peaks))
    if len(near) == len(peaks):
        yield verified("learning_rate", f"the schedule's peak is {shown}", "", wanted, *paths)
    elif near:
        says = f"{number(wanted)} is one of several peak rates: {shown}"
        yield unverifiable("learning_rate", says, *paths)
    else:
        says = f"{stated.key} is declared as {number(wanted)}, and scheduler.pt has a peak of {shown}"
        yield contradicted("learning_rate", says, "", min(peaks), stated.path, *paths)
