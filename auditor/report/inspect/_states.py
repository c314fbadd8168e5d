"""The training's state, a line a part."""

from collections.abc import Iterator, Sequence

from auditor.model.inspection import (
    OptimizerFacts,
    ProcessFacts,
    RunInspection,
    ScheduleFacts,
    StateInspection,
    TrainerFacts,
)
from auditor.report._ansi import Paint
from auditor.report._text import listing, one_line, plural
from auditor.report.inspect import _words as words
from auditor.report.inspect._lines import fact, short, title

_PROCESSES_SHOWN = 4


def states(run: RunInspection, paint: Paint, width: int) -> Iterator[str]:
    """The folder that holds most of the state, and how many others hold some."""
    if not run.states:
        return
    most = fullest(run.states)
    rest = len(run.states) - 1
    more = f" ({plural(rest, 'other folder')} {'holds' if rest == 1 else 'hold'} some too)" if rest else ""
    yield title("State", words.folder(most.folder) + more, paint, width)
    for label, text in facts_of(most):
        yield from fact(label, text, paint, width)


def fullest(states: Sequence[StateInspection]) -> StateInspection:
    """The state with most parts, the last of them."""
    return max(states, key=lambda item: (_parts(item), item.step or 0))


def facts_of(state: StateInspection) -> Iterator[tuple[str, str]]:
    """(label, text) for each part of a state."""
    if state.trainer is not None:
        yield "trainer", _trainer(state.trainer)
    if state.optimizer is not None:
        yield "optimizer", _optimizer(state.optimizer)
    if state.schedule is not None:
        yield "schedule", _schedule(state.schedule)
    yield from _processes(state)
    if state.scaler is not None:
        yield "scaler", state.scaler.says
    for note in state.notes:
        yield "note", note


def _processes(state: StateInspection) -> Iterator[tuple[str, str]]:
    if state.world_size is not None and state.world_size > 1:
        yield "world size", f"{state.world_size:,} processes"
    for process in state.processes[:_PROCESSES_SHOWN]:
        yield "generators" if process.rank is None else f"rank {process.rank}", _process(process)
    if len(state.processes) > _PROCESSES_SHOWN:
        yield "", f"… and {len(state.processes) - _PROCESSES_SHOWN} processes more"


def _parts(state: StateInspection) -> int:
    parts = (state.trainer, state.optimizer, state.schedule, state.scaler)
    return sum(part is not None for part in parts) + bool(state.processes)


def _trainer(trainer: TrainerFacts) -> str:
    epoch = f", epoch {trainer.epoch:.6g}" if trainer.epoch is not None else ""
    steps = "no step" if trainer.global_step is None else f"step {trainer.global_step:,}"
    of = f" of {trainer.max_steps:,}" if trainer.max_steps else ""
    flos = f", {trainer.total_flos:.4g} FLOPs" if trainer.total_flos else ""
    return f"{steps}{of}{epoch}{flos}, {plural(trainer.rows, 'logged row')}"


def _optimizer(optimizer: OptimizerFacts) -> str:
    count = f"{optimizer.with_state:,} of {plural(optimizer.parameters, 'parameter')} have one"
    steps = listing((_stepped(step, number, optimizer) for step, number in optimizer.steps), 3)
    moments = [
        f"{name} {short(value)}"
        for name, value in (("mean", optimizer.first_moment), ("of squares", optimizer.second_moment))
        if value is not None
    ]
    norms = f"norms of the moments: {', '.join(moments)}" if moments else ""
    idle, untouched = (
        listing(map(one_line, names), 3) for names in (optimizer.never_updated, optimizer.without_gradient)
    )
    parts = (
        optimizer.says,
        count,
        f"updated {steps}" if steps else "",
        f"never updated: {idle}" if idle else "",
        f"no gradient but zero reached {untouched}" if untouched else "",
        norms,
        *optimizer.mismatches,
    )
    return "; ".join(part for part in parts if part)


def _stepped(step: float, number: int, optimizer: OptimizerFacts) -> str:
    times = f"{step:g} times"
    return times if number == optimizer.with_state else f"{times} ({number:,})"


def _schedule(schedule: ScheduleFacts) -> str:
    return "; ".join((schedule.says, *schedule.notes))


def _process(process: ProcessFacts) -> str:
    """One seed and the numbers drawn since; each generator's sentence where they disagree or are not known."""
    known = [one for one in process.generators if one.seed is not None]
    if not known:
        return (
            "; ".join(f"{one.name}: {one.says}" for one in process.generators if one.says)
            or "no seed is recorded"
        )
    seeds = {one.seed for one in known}
    if len(seeds) > 1 or any(one.seed is None or one.draws is None for one in process.generators):
        return "; ".join(f"{one.name} {one.says or f'seed {one.seed}'}" for one in process.generators)
    drawn = ", ".join(f"{one.name} {one.draws:,}" for one in known)
    return f"all began from seed {known[0].seed}; numbers drawn since: {drawn}"
