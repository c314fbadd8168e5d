"""The rates logged at the end of training are of another number of rows a step than the arguments ask for.

The last row of a log has samples and steps a second; their quotient is the rows of an optimizer step, micro-batch times
processes times `gradient_accumulation_steps` (transformers 4.36.2 to 5.23.0, trainer.py, `_inner_training_loop`;
trainer_utils.py, `speed_metrics`). With `max_steps` given it is exact but for the rounding to three digits; where
epochs were given, the examples count, and the last step of an epoch may have fewer rows. Another number means that
batch or accumulation was changed in the arguments afterwards, or that the log is of another run.

Where state and arguments give two micro-batches, either may be the one: a resumed run's state keeps the old one
(batch-size-differs-from-arguments).

Wrong when: the data loader repeats, drops or packs rows, as those of trainers that generate, of axolotl's
`sample_packing` and of several data sets do (they are left alone where epochs were given).

Fix: publish the arguments that the run was started with, and its own log.

Bad:
    *training_args.bin: .gradient_accumulation_steps = 8

Good:
    # as the trainer wrote it
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from auditor.artifacts._fields import is_number
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.artifacts.training_results import TrainingResults
from auditor.checks._received import APART, copies_agree, logs_with_scalars, whole
from auditor.checks._wording import plain_number
from auditor.compare.rates import Interval, full_rows_a_step, own_loader, rows_a_step
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Run, processes

SEVERITY = Severity.WARNING

_KEYS = ("train_samples_per_second", "train_steps_per_second", "train_runtime")
_SLACK = 1e-6
"""Relative: the event file rounds to float32."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """The rates of the row that ends a training, and where they stand."""

    at: Location
    samples: float
    steps: float
    seconds: float | None


def check(run: Run) -> Iterator[Problem | Skip]:
    """One process alone: how several share a batch is their framework's matter."""
    asked = _asked(run)
    ended = _ended(run)
    state = run.latest(TrainerState)
    if isinstance(asked, str) or ended is None or state is None or not (state.max_steps or 0) > 0:
        yield Skip(asked if isinstance(asked, str) else "no log has the rates of a whole training")
        return
    batches, accumulation, arguments = asked
    held = _held(ended, arguments.values, state)
    if isinstance(held, str):
        yield Skip(held)
    elif not any(held[0] * (1 - _SLACK) <= one * accumulation <= held[1] * (1 + _SLACK) for one in batches):
        found, rows = _shown(*held), batches[0] * accumulation
        yield Problem(
            f"{plain_number(ended.samples)} samples and {plain_number(ended.steps)} steps a second are {found} rows a "
            f"step, and {arguments.path} gives {rows:,}",
            ended.at,
            expected=f"{rows:,} = {batches[0]} (micro-batch) x {accumulation} (accumulation)",
            observed=found,
        )


def _shown(low: float, high: float) -> str:
    """The only whole number between both, else both."""
    first, last = math.ceil(low * (1 - _SLACK)), math.floor(high * (1 + _SLACK))
    return f"{first:,}" if first == last else f"{plain_number(low)} to {plain_number(high)}"


def _asked(run: Run) -> tuple[tuple[int, ...], int, TrainingArgs] | str:
    """The micro-batches that may have run, the accumulation, and the arguments; or why they are not known."""
    received, state = run.one(TrainingArgs), run.latest(TrainerState)
    if received is None:
        return "no training_args.bin was read"
    if not copies_agree(run, ("per_device_train_batch_size", "gradient_accumulation_steps", "max_steps")):
        return APART
    batches = tuple(_batches(received, state))
    accumulation = whole(received.get("gradient_accumulation_steps"))
    if not batches or not accumulation or accumulation < 1:
        return "batch or accumulation is not known"
    if processes(run) != 1 or received.get("deepspeed") is not None:
        return "whether one process trained is not known"
    return batches, accumulation, received


def _batches(received: TrainingArgs, state: TrainerState | None) -> Iterator[int]:
    """The state's, then that of the arguments where they tell how many GPUs of one process multiply it.

    One that was searched for (`auto_find_batch_size`) is the state's alone.
    """
    batch, gpus = whole(received.get("per_device_train_batch_size")), whole(received.get("_n_gpu"))
    ran = state.train_batch_size if state is not None else None
    if ran is not None and ran > 0:
        yield ran
    if (
        batch is not None
        and batch > 0
        and gpus is not None
        and received.get("auto_find_batch_size") is not True
    ):
        yield batch * max(1, gpus)


def _ended(run: Run) -> _Ended | None:
    """From a log_history, else from the file of results, else from the event file."""
    for state in run.all(TrainerState):
        rows = [row for row in state.log_history if _KEYS[0] in row] if _KEYS[0] in state.row_keys else []
        if rows and (found := _of(state.at("/log_history"), rows[-1])) is not None:
            return found
    for results in run.all(TrainingResults):
        if (found := _of(results.at(f"/{_KEYS[0]}"), results.values)) is not None:
            return found
    logs = logs_with_scalars(run)
    tags = {key: logs[0].scalars.get(f"train/{key}", ()) for key in _KEYS} if len(logs) == 1 else {}
    values = {key: points[-1].value for key, points in tags.items() if points}
    return _of(logs[0].at(f"train/{_KEYS[0]}"), values) if values else None


def _of(at: Location, values: Mapping[str, object]) -> _Ended | None:
    samples, steps, seconds = (values.get(key) for key in _KEYS)
    if not is_number(samples) or not is_number(steps):
        return None
    return _Ended(at, float(samples), float(steps), float(seconds) if is_number(seconds) else None)


def _held(ended: _Ended, arguments: Mapping[str, object], state: TrainerState) -> Interval | str:
    """The rows of a full step that the rates allow, or why they allow anything."""
    steps = state.max_steps or 0
    held = rows_a_step(ended.samples, ended.steps, ended.seconds, steps)
    if held is None:
        return "the rates are too small for their three digits"
    if (whole(arguments.get("max_steps")) or 0) > 0:
        return held
    own = own_loader(arguments)
    if own is not None:
        return own
    found = full_rows_a_step(held, steps, max(1.0, float(state.num_train_epochs or 1)))
    return found or "an epoch has too few steps"
