"""The training's state, a line a folder."""

from collections.abc import Iterator

from auditor.model.inspection import (
    OptimizerFacts,
    RunInspection,
    SchedulerFacts,
    StateInspection,
    TrainerFacts,
)
from auditor.report._ansi import Paint
from auditor.report._text import listing, number, one_line, plural
from auditor.report.inspect import _words as words
from auditor.report.inspect._lines import fact, short, title


def states(run: RunInspection, paint: Paint, width: int) -> Iterator[str]:
    """The last folder that holds each part of the state, and how many folders hold any."""
    if not run.states:
        return
    last = max(run.states, key=lambda item: (_parts(item), item.step or 0))
    rest = f" (and in {plural(len(run.states) - 1, 'other folder')})" if len(run.states) > 1 else ""
    yield title("State", words.folder(last.folder) + rest, paint, width)
    if last.trainer is not None:
        yield from fact("trainer", _trainer(last.trainer), paint, width)
    if last.optimizer is not None:
        yield from fact("optimizer", _optimizer(last.optimizer), paint, width)
    if last.scheduler is not None:
        yield from fact("schedule", _scheduler(last.scheduler), paint, width)
    for item in last.generators[:4]:
        name = "generators" if item.rank is None else f"rank {item.rank}"
        yield from fact(name, _generators(item.cpu_seed, item.cuda_seeds, item.says), paint, width)
    if last.scaler is not None:
        skips = last.scaler.growths_minus_skips
        grown = "" if skips is None else f", doubled {skips} times more than halved"
        text = "; ".join((f"scale {number(last.scaler.scale)}{grown}", *last.scaler.says))
        yield from fact("scaler", text, paint, width)


def _parts(state: StateInspection) -> int:
    parts = (state.trainer, state.optimizer, state.scheduler, state.scaler)
    return sum(part is not None for part in parts) + bool(state.generators)


def _trainer(trainer: TrainerFacts) -> str:
    epoch = f", epoch {short(trainer.epoch)}" if trainer.epoch is not None else ""
    steps = "no step" if trainer.global_step is None else f"step {trainer.global_step:,}"
    of = f" of {trainer.max_steps:,}" if trainer.max_steps else ""
    flos = f", {trainer.total_flos:.4g} FLOPs" if trainer.total_flos else ""
    return f"{steps}{of}{epoch}{flos}, {plural(trainer.rows, 'logged row')}"


def _optimizer(optimizer: OptimizerFacts) -> str:
    kind = one_line(optimizer.kind or "unknown kind")
    count = f"{optimizer.with_state:,} of {plural(optimizer.parameters, 'tensor')} with moments"
    steps = listing((f"{step:g}" for step in optimizer.steps), 4)
    stepped = f", stepped {steps}" if steps else ""
    return "; ".join((f"{kind}: {count}{stepped}", *map(one_line, optimizer.says)))


def _scheduler(scheduler: SchedulerFacts) -> str:
    at = "no step" if scheduler.last_epoch is None else f"at step {scheduler.last_epoch:,}"
    now = listing((short(rate) for rate in dict.fromkeys(scheduler.last_lr)), 4)
    peak = listing((short(rate) for rate in dict.fromkeys(scheduler.base_lrs)), 4)
    rates = f", learning rate {now or '–'} of peak {peak or '–'}"
    return "; ".join((f"{at}{rates}", *map(one_line, scheduler.says)))


def _generators(cpu: int | None, cuda: tuple[int, ...], says: tuple[str, ...]) -> str:
    parts = ["CPU seed not known" if cpu is None else f"CPU seed {cpu}"]
    if cuda:
        parts.append(
            f"CUDA {'seed' if len(set(cuda)) == 1 else 'seeds'} {listing(map(str, dict.fromkeys(cuda)), 4)}"
        )
    return "; ".join((", ".join(parts), *map(one_line, says)))
