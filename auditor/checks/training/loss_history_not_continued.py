"""A state does not continue the earlier one beside it.

A later state of a run begins with all rows of the earlier one (transformers 4.51.3, trainer.py: `log_history` only
grows, also when training is resumed). Where it does not, the folder mixes runs or rows were edited, and "the last
checkpoint" or the final state is not the continuation of the others. Where an event file has the number in question
too, `events-differ-from-log-history` says which copy is the odd one.

Wrong when: several runs were put into one folder on purpose.

Fix: give each run a folder of its own, and publish the states as the Trainer wrote them.

Bad:
    trainer_state.json: /log_history/12 removed

Good:
    # NaN is no number and still the same row
    trainer_state.json: /log_history/12/loss = NaN
    checkpoint-18/trainer_state.json: /log_history/12/loss = NaN
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from auditor.artifacts._fields import is_number
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._received import logs_with_scalars
from auditor.checks.training import log_steps_disordered
from auditor.checks.training.events_differ_from_log_history import are_same, denied, tag_of
from auditor.model import Problem, Severity, Skip, name_of
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(run: Run) -> Iterator[Problem | Skip]:
    """Each checkpoint against the one before it, then the final state against the last; the first that differs."""
    saved = [state for folder in run.checkpoints for state in folder.all(TrainerState)]
    final = run.root.one(TrainerState)
    if not saved or (final is None and len(saved) < 2):
        yield Skip("the run has no checkpoint with a state")
        return
    pairs = list(pairwise(saved))
    if final is not None and _reaches(final, saved[-1]):
        pairs.append((saved[-1], final))
    for earlier, later in pairs:
        number = later.first_difference(earlier)
        if number is not None and not _is_told(run, earlier, later):
            yield Problem(
                f"the rows of {later.path} do not begin with those of {earlier.path}",
                later.at("/log_history"),
                expected=f"the {len(earlier.log_history):,} rows of {name_of(earlier.folder)} first",
                observed=f"row {number} differs",
            )
            return


def _is_told(run: Run, earlier: TrainerState, later: TrainerState) -> bool:
    """Whether every row that differs is reported itself: out of order, or at odds with the run's one event file."""
    rows = earlier.log_history, later.log_history[: len(earlier.log_history)]
    if len(rows[0]) != len(rows[1]):
        return False
    logs = logs_with_scalars(run)
    series = logs[0].scalars if len(logs) == 1 else {}
    logged = {(tag, point.step) for tag, points in series.items() for point in points}
    disordered = {row for state in (earlier, later) for row in _disordered(state)}
    moved = denied(run, earlier) | denied(run, later)
    return all(
        number in disordered or _is_logged(one, other, logged) or _is_moved(one, other, moved)
        for number, (one, other) in enumerate(zip(*rows, strict=True))
    )


def _disordered(state: TrainerState) -> Iterator[int]:
    """Rows that log-steps-disordered names by their step."""
    for item in log_steps_disordered.check(state, None, None):
        if isinstance(item, Problem):
            yield from log_steps_disordered.rows_of(item)


def _is_moved(
    one: Mapping[str, object], other: Mapping[str, object], moved: frozenset[tuple[str, int]]
) -> bool:
    """Whether two rows differ in their step alone, and the event file has other numbers at one of the two."""
    steps = (one.get("step"), other.get("step"))
    rest = [{key: repr(value) for key, value in row.items() if key != "step"} for row in (one, other)]
    return rest[0] == rest[1] and any(step in steps for _, step in moved)


def _is_logged(one: Mapping[str, object], other: Mapping[str, object], logged: set[tuple[str, int]]) -> bool:
    """Whether two rows are of one step and differ at most in numbers that are logged and far enough apart."""
    if one.keys() != other.keys():
        return False
    for key in one:
        mine, theirs = one[key], other[key]
        if repr(mine) == repr(theirs):
            continue
        step = one.get("step")
        known = isinstance(step, int) and (tag_of(key), step) in logged
        if not known or not is_number(mine) or not is_number(theirs) or are_same(mine, theirs):
            return False
    return True


def _reaches(final: TrainerState, last: TrainerState) -> bool:
    """Whether the final state is as late as the checkpoint; one without rows says nothing about the order."""
    return bool(final.log_history) and (final.global_step or 0) >= (last.global_step or 0)
