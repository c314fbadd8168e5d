"""gradient_accumulation_steps where no file says it: by what the run counted, alone or with the rows of the data.

The Trainer's last log row gives samples and steps a second. Samples are ``max_steps`` times the rows of a step, or the
examples times the epochs, which a last step of an epoch with fewer rows makes smaller (transformers 4.51.3 and 5.23.0,
trainer.py, trainer_utils.py ``speed_metrics``: rounded to three digits). A logged epoch is the share of its
micro-batches that were seen; releases before 4.46 carry what an epoch leaves over into the next.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import Ledger, received
from auditor.compare.rates import Interval, full_rows_a_step, own_loader, rows_a_step
from auditor.model import Alternative, Setting
from auditor.rerun.planning.gone_on import BATCH, before
from auditor.runs import Run, processes, ranks

KEY = "gradient_accumulation_steps"
_MOST = 65_536
_POINTS = 256
_OTHERS = 3
"""Other numbers that fit, which become readings."""


@dataclass(frozen=True, slots=True)
class Fits:
    """The numbers that fit, rising, what they were worked out from, and whether it was the run's own log alone."""

    numbers: tuple[int, ...] = ()
    source: str = ""
    by_log: bool = False


def derived(
    run: Run, ledger: Ledger, known: Mapping[str, Setting], rows: int | None
) -> tuple[Mapping[str, Setting], tuple[Alternative, ...]]:
    """The accumulation, and other numbers that fit as well; neither where a file says it or nothing more is known.

    ``rows`` counts the data, None where it was not counted. The setting stays assumed unless the run's own log allows
    no other number, and one process trained it all in batches of one size. Where a loader makes other rows of the
    examples, nothing follows.
    """
    if not known[KEY].assumed or _has_own_loader(run):
        return {}, ()
    fits = fitting(run, known, rows, ledger.value("packing"))
    if not fits.numbers:
        return {}, ()
    taken = _likeliest(fits.numbers)
    others = sorted(set(fits.numbers) - {taken}, key=lambda number: abs(number - taken))
    readings = (
        Alternative({KEY: number}, f"{KEY} = {number}: the steps fit it as well", open=True)
        for number in others[:_OTHERS]
    )
    alone = fits.by_log and not others and not known[BATCH].assumed
    sure = alone and _by_one_process(run) and _in_one_batch(run, ledger)
    return {KEY: Setting(taken, f"arithmetic: {fits.source}", assumed=not sure)}, tuple(readings)


def fitting(run: Run, known: Mapping[str, Setting], rows: int | None, packing: object) -> Fits:
    """Every accumulation that the counts allow; ``known`` gives the micro-batch and the epochs."""
    state, size = run.latest(TrainerState), known[BATCH].value
    if state is None or not (state.max_steps or 0) > 0 or type(size) is not int or size < 1:
        return Fits()
    ended = _ended(run, state)
    logged = () if ended is None else _by_log(ended, size)
    counted = () if rows is None or packing is True else _by_rows(state, known, -(-rows // size))
    both = tuple(number for number in logged if number in counted)
    if ended is not None and logged:
        alone = both if len(logged) > 1 else ()
        by = f" and the {rows} rows of the data" if alone else ""
        return Fits(alone or logged, f"samples and steps a second that {ended.path} logs{by}", not alone)
    return Fits(counted, f"{rows} rows, one example each, and the steps of {state.path}")


def _has_own_loader(run: Run) -> bool:
    """Whether what was received or declared asks for a loader whose rows are not the examples that are counted."""
    arguments = received(run)
    said = (
        arguments.values if arguments is not None else {},
        run.recipe.raw if run.recipe is not None else {},
    )
    return any(own_loader(values) is not None for values in said)


def _by_one_process(run: Run) -> bool:
    """Several processes draw as many micro-batches a step more."""
    return processes(run) == 1 and not any(ranks(run, folder) for folder in run.folders)


def _in_one_batch(run: Run, ledger: Ledger) -> bool:
    """Whether the run counted batches of the size that a file asks for, under one schedule.

    The state of a run that was gone on with keeps the size of before, and several GPUs of one process multiply it.
    """
    asked = ledger.value(BATCH)
    return not before(run) and all(state.train_batch_size == asked for state in run.all(TrainerState))


def _ended(run: Run, latest: TrainerState) -> TrainerState | None:
    """The state that holds the row logged when training ended, which a checkpoint is saved before."""
    states = (state for state in run.all(TrainerState) if state.max_steps == latest.max_steps)
    return next((state for state in states if "train_samples_per_second" in state.row_keys), None)


def _likeliest(fits: Sequence[int]) -> int:
    """The smallest power of two, 1 being the default and the others what people write; else the smallest."""
    return next((number for number in fits if number & (number - 1) == 0), fits[0])


def _by_log(state: TrainerState, batch: int) -> tuple[int, ...]:
    """The numbers that the rates of the last log row allow."""
    steps, epochs = state.max_steps or 0, max(1.0, float(state.num_train_epochs or 1))
    held = _rows_a_step(state)
    if held is None:
        return ()
    full = full_rows_a_step(held, steps, epochs)
    if full is None or full[1] / batch > _MOST:
        return ()
    low, high = (rows / batch for rows in full)
    return tuple(range(max(1, math.ceil(low - 1e-9)), math.floor(high + 1e-9) + 1))


def _rows_a_step(state: TrainerState) -> Interval | None:
    """Samples / steps of the last log row, as its roundings allow; the runtime sharpens it where it is of all steps."""
    samples, rate = _last(state, "train_samples_per_second"), _last(state, "train_steps_per_second")
    if samples is None or rate is None:
        return None
    return rows_a_step(samples, rate, _last(state, "train_runtime"), state.max_steps or 0)


def _last(state: TrainerState, key: str) -> float | None:
    found = state.logged(key)
    value = found[-1][1] if found else None
    return value if value is not None and math.isfinite(value) else None


def _by_rows(state: TrainerState, known: Mapping[str, Setting], batches: int) -> tuple[int, ...]:
    """The numbers that an epoch of so many micro-batches allows, by its logged epochs, else by its steps."""
    points = list(islice(_points(state), _POINTS))
    slack = _slack([epoch for _, epoch in points])
    within = [(step, epoch) for step, epoch in points if epoch < 1 - slack]
    if not within:
        return tuple(_by_steps(state, known, batches))
    step, epoch = within[-1]
    low, high = (batches * (epoch + change) / step for change in (-slack, slack))
    tried = range(max(1, math.ceil(low)), min(batches, math.floor(high), _MOST) + 1)
    return tuple(number for number in tried if _explains(number, batches, points, slack))


def _points(state: TrainerState) -> Iterator[tuple[int, float]]:
    for step, epoch in state.logged("epoch"):
        if step > 0 and epoch > 0:
            yield step, epoch


def _slack(epochs: Sequence[float]) -> float:
    """How far a logged epoch may lie from the true one: releases round it to two digits, to four, or not."""
    for digits in (2, 4):
        if all(round(epoch, digits) == epoch for epoch in epochs):
            return float(0.5 * 10**-digits + 1e-9)
    return 1e-9


def _explains(number: int, batches: int, points: Sequence[tuple[int, float]], slack: float) -> bool:
    """Whether every logged epoch is what its step gives, with the remainder of an epoch stepped or carried over."""
    each = -(-batches // number)

    def stepped(step: int) -> float:
        before, inside = divmod(step - 1, each)
        return before + min((inside + 1) * number, batches) / batches

    def carried(step: int) -> float:
        return step * number / batches

    return any(all(abs(rule(step) - epoch) <= slack for step, epoch in points) for rule in (stepped, carried))


def _by_steps(state: TrainerState, known: Mapping[str, Setting], batches: int) -> Iterator[int]:
    epochs = known["num_train_epochs"].value
    if isinstance(epochs, bool) or not isinstance(epochs, int | float) or not 0 < epochs < _MOST:
        return
    for number in range(1, min(batches, _MOST) + 1):
        whole, rest = divmod(batches, number)
        each = {max(1, whole + bool(rest)), max(1, whole)}
        if state.max_steps in {math.ceil(epochs * steps) for steps in each}:
            yield number
