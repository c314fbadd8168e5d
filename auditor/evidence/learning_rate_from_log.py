"""Peak learning rate, kind of schedule and warm-up, from the logged learning rates.

The Trainer logs ``learning_rate`` with every loss, into log_history and the event file. The value is the
schedule's closed form (transformers 4.51.3 and 5.23.0, optimization.py). Releases whose trainer_state.json
has ``best_global_step`` (4.50 and newer) log the rate that the step used, the closed form at ``step - 1``;
older ones log the next step's (129 and 86 public runs agree). Both offsets are tried. Steps that fp16
skipped shift the schedule, so under fp16 a disagreement contradicts nothing.
"""

from collections.abc import Iterator

from auditor.artifacts.trainer_state import TrainerState
from auditor.claims import DECLARED, EFFECTIVE, Ledger
from auditor.evidence._say import unverifiable
from auditor.evidence._schedule import Asked, Point, asked, judge, total_of
from auditor.model import Evidence, Status
from auditor.runs import Run

RTOL = 1e-6
"""log_history keeps float64, event files float32 (2**-24 = 6e-8)."""
TAG, EVENT_TAG = "learning_rate", "train/learning_rate"


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test learning_rate, lr_scheduler_type and the warm-up, by log_history, else by the event files."""
    state = run.latest(TrainerState)
    wanted = asked(ledger, total_of(ledger, state.max_steps if state else None))
    if wanted is None:
        return
    path, rows = _logged(run)
    if not rows:
        return
    newer = state is not None and "best_global_step" in state.keys
    by_offset = [
        tuple(judge(wanted, _shifted(rows, offset), RTOL, path, path))
        for offset in ((1, 0) if newer else (0, 1))
    ]
    # The offset that verifies wins; where neither does, the release's own offset speaks.
    chosen = next((found for found in by_offset if _fits(found)), by_offset[0])
    yield from _softened(chosen, ledger, wanted, path)


def _logged(run: Run) -> tuple[str, dict[int, float]]:
    """The rates by step and the file they are from; a step logged twice counts once, with its last value."""
    state = run.latest(TrainerState)
    rows = dict(state.logged(TAG)) if state else {}
    if state is not None and rows:
        return state.path, rows
    for log in run.events:
        points = log.scalars.get(EVENT_TAG, ())
        if points:
            return log.path, {point.step: point.value for point in points}
    return "", {}


def _shifted(rows: dict[int, float], offset: int) -> list[Point]:
    return [Point(step - offset, rate) for step, rate in sorted(rows.items()) if step >= offset]


def _fits(found: tuple[Evidence, ...]) -> bool:
    return bool(found) and all(item.outcome is not Status.CONTRADICTED for item in found) and len(found) > 1


def _softened(found: tuple[Evidence, ...], ledger: Ledger, wanted: Asked, path: str) -> Iterator[Evidence]:
    """Under fp16 skipped steps shift the log, so what would contradict only leaves it open."""
    fp16 = str(ledger.value("mixed_precision", EFFECTIVE, DECLARED)) == "fp16"
    for item in found:
        if fp16 and item.outcome is Status.CONTRADICTED:
            yield unverifiable(item.claim, f"{item.says}; under fp16 skipped steps shift the schedule", path)
        else:
            yield item
