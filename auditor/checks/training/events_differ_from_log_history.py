"""The event file and log_history disagree about a logged number.

One call writes both, all numbers of a row at once (transformers 4.51.3, trainer.py, `log`;
integrations/integration_utils.py, `rewrite_logs`): the event file rounds to float32, which changes at most one part
in sixteen million. A larger difference, or one number of a row that is missing where the others are, means that one of
them was edited or is of another run.

Wrong when: two runs share a folder; with several event files nothing is judged.

Fix: publish both as the Trainer wrote them.

Bad:
    # log_history says 6.50018
    events: train/loss at 3 = 6.4

Good:
    # a series that only one of them has
    events: train/tokens at 3 = 128
"""

import math
from collections.abc import Iterator, Mapping

from auditor.artifacts._fields import is_number
from auditor.artifacts.event_log import EventLog
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._once import once
from auditor.checks._received import logs_with_scalars
from auditor.checks._wording import counted, joined
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.ERROR

RTOL = 1e-6
"""float32 rounds by 2**-24 = 6e-8."""
ATOL = 1e-37
"""Below it float32 loses digits (smallest normal number 1.2e-38)."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """Compare wherever both have a number for a tag and a step; the first that differs is named.

    One finding, by the fullest log_history that disagrees; where all do, the event file is the odd one.
    """
    logs = logs_with_scalars(run)
    states = [state for state in run.all(TrainerState) if state.log_history]
    if len(logs) != 1 or not states:
        yield Skip("the run has not exactly one event file with scalars and a log_history with rows")
        return
    events = _by_step(logs[0])
    found = [
        (state, *_compared(state, events, logs[0].is_intact and logs[0].attempts <= 1)) for state in states
    ]
    odd = [(state, count, wrong) for state, count, wrong in found if wrong]
    if odd:
        fullest = max(odd, key=lambda item: len(item[0].log_history))
        more = [state.path for state, _, _ in odd if state is not fullest[0]] if len(odd) < len(found) else []
        yield _problem(logs[0], *fullest, more)


def denied(run: Run | None, state: TrainerState) -> frozenset[tuple[str, int]]:
    """The (tag, step) of numbers of one log_history that the run's event file has otherwise: a finding of this rule."""
    logs = logs_with_scalars(run) if run is not None else ()
    if len(logs) != 1 or not state.log_history:
        return frozenset()
    wrong = _compared(state, _by_step(logs[0]), logs[0].is_intact and logs[0].attempts <= 1)[1]
    return frozenset((tag, step) for step, tag, _, _ in wrong)


Wrong = list[tuple[int, str, float | None, float | None]]


def _compared(
    state: TrainerState, events: Mapping[tuple[str, int], list[float]], whole: bool
) -> tuple[int, Wrong]:
    """How many numbers both have, and those that differ as (step, tag, of the log, of the event file).

    In a whole file a number is missing where its series and others of its row are there, and the file holds no
    number that none of the rows of a step has.
    """
    compared, wrong = 0, Wrong()
    series = {tag for tag, _ in events}
    logged: dict[tuple[str, int], list[float]] = {}
    for row in state.log_history:
        values = _numbers(row)
        here = [tag for tag, step, _ in values if (tag, step) in events]
        for tag, step, value in values:
            logged.setdefault((tag, step), []).append(value)
            found = events.get((tag, step))
            if found is None and not (whole and here and tag in series):
                continue
            compared += 1
            if not any(are_same(value, other) for other in found or ()):
                wrong.append((step, tag, value, found[-1] if found else None))
    if whole and not wrong:
        wrong.extend(_unlogged(logged, events))
    return compared, wrong


def _unlogged(
    logged: Mapping[tuple[str, int], list[float]], events: Mapping[tuple[str, int], list[float]]
) -> Iterator[tuple[int, str, float | None, float]]:
    """Values of the file that no row of their step has, in series that the rows have, and totals left out of a row."""
    totals = {step for (tag, step) in logged if tag in _ONCE}
    for (tag, step), values in events.items():
        rows = logged.get((tag, step))
        if tag in _TOTALS and step not in totals:
            continue  # the last row of a run is logged after its last checkpoint was saved
        if rows is not None:
            for other in values:
                if not any(are_same(value, other) for value in rows):
                    yield step, tag, rows[-1], other
        elif tag in _TOTALS:
            yield step, tag, None, values[-1]


_TOTALS = frozenset(
    f"train/{key}"
    for key in (
        "train_loss",
        "train_runtime",
        "train_samples_per_second",
        "train_steps_per_second",
        "total_flos",
    )
)
"""Logged in one row when training ends (transformers 4.51.3, trainer.py, `_inner_training_loop`)."""
_ONCE = frozenset({"train/train_loss", "train/total_flos"})
"""Of these, those of that row alone: every row has a runtime where tokens are counted (trainer.py, `log`)."""


def _numbers(row: Mapping[str, object]) -> list[tuple[str, int, float]]:
    """The finite numbers of a row as (tag, step, value)."""
    step = row.get("step")
    if not is_number(step) or not math.isfinite(step):
        return []
    return [
        (tag_of(key), int(step), float(value))
        for key, value in row.items()
        if key != "step" and is_number(value) and math.isfinite(value)
    ]


def tag_of(key: str) -> str:
    """``loss`` -> ``train/loss``, ``eval_loss`` -> ``eval/loss``, as `rewrite_logs` names them."""
    for prefix in ("eval", "test"):
        if key.startswith(f"{prefix}_"):
            return f"{prefix}/{key.removeprefix(f'{prefix}_')}"
    return f"train/{key}"


@once
def _by_step(log: EventLog) -> Mapping[tuple[str, int], list[float]]:
    found: dict[tuple[str, int], list[float]] = {}
    for tag, points in log.scalars.items():
        for point in points:
            found.setdefault((tag, point.step), []).append(point.value)
    return found


def are_same(one: float, other: float) -> bool:
    """Whether two numbers are one but for float32; what the event file has of no finite number differs from nothing."""
    return not math.isfinite(other) or abs(one - other) <= RTOL * max(abs(one), abs(other)) + ATOL


def _problem(log: EventLog, state: TrainerState, compared: int, wrong: Wrong, more: list[str]) -> Problem:
    step, tag, mine, theirs = min(wrong, key=lambda item: item[:2])
    return Problem(
        f"the event file and {state.path} disagree on {len(wrong):,} of {counted(compared, 'number')}, first {tag} at "
        f"step {step:,}",
        log.at(f"{tag} at step {step}"),
        expected="none" if mine is None else f"{mine:.9g}",
        observed="none" if theirs is None else f"{theirs:.9g}",
        evidence=(f"so do {joined(more[:3])}",) if more else (),
    )
