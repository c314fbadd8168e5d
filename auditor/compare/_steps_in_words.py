"""The counters of one checkpoint held against each other: steps, updates, scheduler steps, skips."""

from collections.abc import Collection, Iterator

Skips = tuple[int, int] | None


def steps_in_words(
    global_step: int | None,
    updates: Collection[float] | None = None,
    last_epoch: int | None = None,
    skips: Skips = None,
) -> tuple[str, ...]:
    """Sentences about what the counters prove together; () where there is nothing to compare.

    ``updates`` are the optimizer's distinct step counts, empty for one that counts none and None without an optimizer;
    ``last_epoch`` is the scheduler's, ``skips`` the least and most steps that the gradient scaler skipped.

    The Trainer counts a step that fp16 skipped, the optimizer does not, and the scheduler does only behind a fused
    optimizer, which skips inside itself (transformers 5.23.0, trainer.py; accelerate 1.15.0, optimizer.py, `step`).
    """
    return () if global_step is None else tuple(_sentences(global_step, updates, last_epoch, skips))


def _sentences(made: int, updates: Collection[float] | None, last: int | None, skips: Skips) -> Iterator[str]:
    if updates:
        yield _updates(made, min(updates), max(updates), skips)
    elif updates is not None:
        yield "the optimizer counts no updates"
    if last is not None and last != made:
        yield f"the scheduler made {last:,} of {made:,} steps{_skipped(made - last, skips)}"
    elif last is not None:
        yield f"the scheduler made {_all(made)}"


def _updates(made: int, least: float, most: float, skips: Skips) -> str:
    if least != most:
        return f"parameters were updated {least:,.0f} to {most:,.0f} times in {made:,} steps"
    if most == made:
        return f"every parameter was updated in {_all(made)}"
    return (
        f"every parameter was updated {most:,.0f} times in {made:,} steps{_skipped(made - int(most), skips)}"
    )


def _all(made: int) -> str:
    return "the only step" if made == 1 else f"all {made:,} steps"


def _skipped(missing: int, skips: Skips) -> str:
    """Whether the scaler explains what is missing."""
    if missing < 0 or skips is None:
        return ""
    told = f"{skips[0]:,}" if skips[0] == skips[1] else f"{skips[0]:,} to {skips[1]:,}"
    fits = skips[0] <= missing <= skips[1]
    return f"; scaler.pt tells of {told} skipped, which {'explains it' if fits else 'does not explain it'}"
