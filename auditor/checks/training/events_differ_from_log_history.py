"""The event file and log_history disagree about a logged number.

One call writes both, all numbers of a row at once (transformers 4.51.3, trainer.py, `log`;
integrations/integration_utils.py, `rewrite_logs`): the event file rounds to float32, which changes at most one part
in sixteen million. A larger difference, or one number of a row that is missing where the others are, means that one of
them was edited or is of another run.

An evaluation after training has an event file of its own. Where training logged into several files, as a resumed run
does, a number of log_history has to be in one of them: a warning otherwise.

Wrong when: two runs share a folder, and the event file of the later one was not published.

Fix: publish both as the Trainer wrote them.

Bad:
    # log_history says 6.50018
    events: train/loss at 3 = 6.4

Good:
    # a series that only one of them has
    events: train/tokens at 3 = 128
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from auditor.artifacts._fields import is_number
from auditor.artifacts.event_log import EventLog
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._once import once
from auditor.checks._received import TRAIN, logs_of_evaluations, logs_with_scalars
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
    if not logs or not states:
        yield Skip("the run has no event file with training scalars and a log_history with rows")
        return
    found = [(state, *_compared(state, run, logs)) for state in states]
    odd = [(state, count, wrong) for state, count, wrong in found if wrong]
    if odd:
        fullest = max(odd, key=lambda item: len(item[0].log_history))
        more = [state.path for state, _, _ in odd if state is not fullest[0]] if len(odd) < len(found) else []
        yield _problem(logs, *fullest, more)


def denied(run: Run | None, state: TrainerState) -> frozenset[tuple[str, int]]:
    """The (tag, step) of numbers of one log_history that the run's event file has otherwise: a finding of this rule."""
    logs = logs_with_scalars(run) if run is not None else ()
    if run is None or len(logs) != 1 or not state.log_history:
        return frozenset()
    wrong = _compared(state, run, logs)[1]
    return frozenset((tag, step) for step, tag, _, _ in wrong)


Wrong = list[tuple[int, str, float | None, float | None]]


def _compared(state: TrainerState, run: Run, logs: Sequence[EventLog]) -> tuple[int, Wrong]:
    """How many numbers both have, and those that differ as (step, tag, of the log, of the event file).

    In a whole file a number is missing where its series and others of its row are there, and the file holds no
    number that none of the rows of a step has.
    """
    compared, wrong = 0, Wrong()
    whole = len(logs) == 1 and logs[0].is_intact and logs[0].attempts <= 1
    events = _together(logs, logs_of_evaluations(run))
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
    wrong = _published(wrong, logged, events)
    if whole and not wrong:
        wrong.extend(_unlogged(logged, _by_step(logs[0])))
    return compared, wrong


def _together(*groups: Sequence[EventLog]) -> Mapping[tuple[str, int], list[float]]:
    found: dict[tuple[str, int], list[float]] = {}
    for log in chain(*groups):
        for key, values in _by_step(log).items():
            found.setdefault(key, []).extend(values)
    return found


def _published(
    wrong: Wrong, logged: Mapping[tuple[str, int], list[float]], events: Mapping[tuple[str, int], list[float]]
) -> Wrong:
    """Without the evaluations of a step that were made after training, whose event file may be elsewhere."""
    left: Wrong = []
    spare: dict[tuple[str, int], int] = {}
    for item in wrong:
        key = (item[1], item[0])
        spare.setdefault(key, len(logged.get(key, ())) - len(events.get(key, ())))
        if _is_of_evaluation(item[1], key, logged) and spare[key] > 0:
            spare[key] -= 1
        else:
            left.append(item)
    return left


def _is_of_evaluation(tag: str, key: tuple[str, int], logged: Mapping[tuple[str, int], list[float]]) -> bool:
    return not tag.startswith(TRAIN) and len(logged.get(key, ())) > 1


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


def _problem(
    logs: Sequence[EventLog], state: TrainerState, compared: int, wrong: Wrong, more: list[str]
) -> Problem:
    step, tag, mine, theirs = min(wrong, key=lambda item: item[:2])
    several = len(logs) > 1
    which = f"all of the {len(logs)} event files" if several else "the event file"
    log = next((log for log in logs if (tag, step) in _by_step(log)), logs[0])
    return Problem(
        f"{which} and {state.path} disagree on {len(wrong):,} of {counted(compared, 'number')}, first {tag} at "
        f"step {step:,}",
        log.at(f"{tag} at step {step}"),
        expected="none" if mine is None else f"{mine:.9g}",
        observed="none" if theirs is None else f"{theirs:.9g}",
        evidence=(f"so do {joined(more[:3])}",) if more else (),
        severity=Severity.WARNING if several else None,
    )
