"""The scalars of a run, each as one series by step from one file."""

from collections.abc import Iterator

from auditor.artifacts._fields import is_number
from auditor.artifacts.event_log import EventLog
from auditor.artifacts.trainer_state import TrainerState
from auditor.compare.curves import aligned
from auditor.compare.pairs import TAGS
from auditor.model.inspection import CurveInspection
from auditor.runs import Run

MOST_TAGS = 1_000
"""Series of one run that are kept: a file may hold one for each of its numbers."""
_Series = dict[str, list[tuple[int, float]]]


def curves_of(run: Run) -> tuple[CurveInspection, ...]:
    """Every tag under log_history's spelling: loss, rates and norms first, then the rest by name.

    The own log_history counts before the last checkpoint's, both before event files. Of a step that was logged
    twice the last value counts (see `auditor.compare.curves.aligned`).
    """
    found: dict[str, CurveInspection] = {}
    for path, series in _sources(run):
        for tag, points in series.items():
            if tag not in found and len(found) < MOST_TAGS:
                found[tag] = CurveInspection(tag, path, aligned(points))
    order = {tag: place for place, tag in enumerate(TAGS)}
    return tuple(sorted(found.values(), key=lambda item: (order.get(item.tag, len(order)), item.tag)))


def _sources(run: Run) -> Iterator[tuple[str, _Series]]:
    states = (run.root.one(TrainerState), run.latest(TrainerState))
    for state in dict.fromkeys(item.path for item in states if item is not None):
        whole = next(item for item in states if item is not None and item.path == state)
        yield whole.path, _logged(whole)
    for log in run.events:
        yield log.path, _recorded(log)


def _logged(state: TrainerState) -> _Series:
    found: _Series = {}
    for row in state.log_history:
        step = row.get("step")
        if not isinstance(step, int) or isinstance(step, bool):
            continue
        for key, value in row.items():
            if key not in ("step", "epoch") and is_number(value):
                found.setdefault(key, []).append((step, float(value)))
    return found


def _recorded(log: EventLog) -> _Series:
    from auditor.compare.curve_table import canonical

    found: _Series = {}
    for tag, points in log.scalars.items():
        if canonical(tag) == "epoch":
            continue
        found.setdefault(canonical(tag), []).extend((point.step, point.value) for point in points)
    return found
