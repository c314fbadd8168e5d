"""The counters of one checkpoint held against each other: steps, updates, scheduler steps, skips."""

from collections.abc import Iterator

from auditor.compare._optimizer_state import OptimizerDescription
from auditor.compare._scaler_state import ScalerDescription
from auditor.compare._schedule_state import ScheduleDescription


def steps_in_words(
    global_step: int | None,
    optimizer: OptimizerDescription | None = None,
    schedule: ScheduleDescription | None = None,
    scaler: ScalerDescription | None = None,
) -> tuple[str, ...]:
    """Sentences about what the counters prove together; () where there is nothing to compare.

    The Trainer counts a step that fp16 skipped, the optimizer does not, and the scheduler does only behind a fused
    optimizer, which skips inside itself (transformers 5.23.0, trainer.py; accelerate 1.15.0, optimizer.py, `step`).
    """
    if global_step is None:
        return ()
    return tuple(_sentences(global_step, optimizer, schedule, scaler))


def _sentences(
    made: int,
    optimizer: OptimizerDescription | None,
    schedule: ScheduleDescription | None,
    scaler: ScalerDescription | None,
) -> Iterator[str]:
    counts = [count for count, _ in optimizer.steps] if optimizer is not None else []
    if counts:
        yield _updates(made, min(counts), max(counts), scaler)
    elif optimizer is not None and optimizer.parameters:
        yield "the optimizer counts no updates"
    last = schedule.last_epoch if schedule is not None else None
    if last is not None and last != made:
        behind = made - last
        yield f"the scheduler made {last:,} of {made:,} steps{_skipped(behind, scaler)}"
    elif last is not None:
        yield f"the scheduler made all {made:,} steps"


def _updates(made: int, least: float, most: float, scaler: ScalerDescription | None) -> str:
    if least != most:
        return f"parameters were updated {least:,.0f} to {most:,.0f} times in {made:,} steps"
    if most == made:
        return f"every parameter was updated in all {made:,} steps"
    return (
        f"every parameter was updated {most:,.0f} times in {made:,} steps{_skipped(made - int(most), scaler)}"
    )


def _skipped(missing: int, scaler: ScalerDescription | None) -> str:
    """Whether the scaler explains what is missing."""
    if missing < 0 or scaler is None or scaler.skips is None:
        return ""
    least, most = scaler.skips
    told = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    fits = least <= missing <= most
    return f"; scaler.pt tells of {told} skipped, which {'explains it' if fits else 'does not explain it'}"
