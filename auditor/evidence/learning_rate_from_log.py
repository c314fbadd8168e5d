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
from auditor.evidence._say import number, unverifiable, verified
from auditor.evidence._schedule import (
    LAST_STEP,
    Asked,
    Point,
    asked,
    judge,
    naming_declared,
    options_of,
    total_of,
)
from auditor.model import Evidence, Status
from auditor.runs import Run

RTOL = 1e-6
"""log_history keeps float64, event files float32 (2**-24 = 6e-8)."""
MOST_SKIPPED = 200
"""Steps skipped between two logged rows that are looked for; the most seen in a public run is 79 in all."""
TAG, EVENT_TAG = "learning_rate", "train/learning_rate"


def weigh(run: Run, ledger: Ledger) -> Iterator[Evidence]:
    """Test learning_rate, lr_scheduler_type and the warm-up, by log_history, else by the event files."""
    state = run.latest(TrainerState)
    wanted = asked(ledger, total_of(ledger, state.max_steps if state else None), options_of(run))
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
    if str(ledger.value("mixed_precision", EFFECTIVE, DECLARED)) == "fp16":
        yield from _under_fp16(chosen, rows, wanted, newer, path)
    else:
        yield from naming_declared(chosen, ledger)


def _logged(run: Run) -> tuple[str, dict[int, float]]:
    """The rates by step and the file they are from; a step logged twice counts once, with its last value."""
    state = run.latest(TrainerState)
    rows = {s: rate for s, rate in state.logged(TAG) if 0 <= s <= LAST_STEP} if state else {}
    if state is not None and rows:
        return state.path, rows
    for log in run.events:
        points = log.scalars.get(EVENT_TAG, ())
        if points:
            return log.path, {p.step: p.value for p in points if 0 <= p.step <= LAST_STEP}
    return "", {}


def _shifted(rows: dict[int, float], offset: int) -> list[Point]:
    return [Point(step - offset, rate) for step, rate in sorted(rows.items()) if step >= offset]


def _fits(found: tuple[Evidence, ...]) -> bool:
    return bool(found) and all(item.outcome is not Status.CONTRADICTED for item in found) and len(found) > 1


def _under_fp16(
    found: tuple[Evidence, ...], rows: dict[int, float], wanted: Asked, newer: bool, path: str
) -> Iterator[Evidence]:
    """Skipped steps only delay the schedule: each rate must be its value some steps ago, never fewer again."""
    if _fits(found):
        yield from found
        return
    skipped = _skipped(rows, wanted, 1 if newer else 0)
    if skipped is None:
        for item in found:
            says = f"{item.says}; under fp16 skipped steps shift the schedule"
            yield unverifiable(item.claim, says, path)
        return
    plan = wanted.plan
    says = (
        f"{plan.kind} from {number(plan.peak)}, delayed by {skipped} steps that fp16 skipped, explains "
        f"the {len(rows)} learning rates in {path}"
    )
    for claim in ("learning_rate", "lr_scheduler_type"):
        yield verified(claim, says, "", None, path)


def _skipped(rows: dict[int, float], wanted: Asked, offset: int) -> int | None:
    """How many steps were skipped by the last row, when every row is explained so; else None."""
    lag = 0
    for step, rate in sorted(rows.items()):
        if step < offset:
            continue
        tried = (k for k in range(lag, lag + MOST_SKIPPED) if k <= step - offset)
        lags = (k for k in tried if wanted.plan.fits([Point(step - offset - k, rate)], RTOL))
        found = next(lags, None)
        if found is None:
            return None
        lag = found
    return lag
