"""Tokens a step: the counts that trainer_state.json holds against the ids of the batches that the rerun drew."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from auditor.artifacts.trainer_state import TrainerState
from auditor.model import RerunPlan
from auditor.rerun.judging.gaps import Gap
from auditor.rerun.outputs import Output
from auditor.runs import Run

TAGS = ("num_input_tokens_seen", "num_tokens")
"""What log_history counts since the first step: transformers with ``include_num_input_tokens_seen`` (trainer.py), and
TRL's SFTTrainer (trl 1.16, sft_trainer.py)."""
_KINDS = ("ids", "tokens")
"""Ids with the padding (``all``, the only kind before 4.57, numel of input_ids) or without (``non_padding``, TRL)."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """Step -> how many since the beginning, where a file says it."""

    tag: str
    by_step: Mapping[int, int]


def tokens_gaps(run: Run, plan: RerunPlan, rerun: Output) -> Iterator[Gap]:
    """One gap a file that counts tokens: equal, or the first stretch of steps that drew another number."""
    ours = {kind: _ours(rerun, kind) for kind in _KINDS}
    for state in run.all(TrainerState):
        for counted in _committed(state):
            yield _gap(state.path, counted, plan, ours)


def _committed(state: TrainerState) -> Iterator[_Counted]:
    for tag in TAGS:
        found = {step: round(value) for step, value in state.logged(tag) if 0 <= value < math.inf}
        if tag == TAGS[0] and state.global_step and state.num_input_tokens_seen:
            found[state.global_step] = state.num_input_tokens_seen
        if any(found.values()):
            yield _Counted(tag, found)


def _ours(rerun: Output, kind: str) -> Mapping[int, int]:
    """Step -> how many its batches held; empty where the child did not count."""
    found: dict[int, int] = {}
    for line in rerun.steps():
        step, count = line.get("step"), line.get(kind)
        if isinstance(step, int) and isinstance(count, int):
            found[step] = count
    return found


def _gap(path: str, counted: _Counted, plan: RerunPlan, ours: Mapping[str, Mapping[int, int]]) -> Gap:
    stretches = list(_stretches(counted, plan))
    key = counted.tag
    if not stretches:
        return Gap("tokens", key, path, f"{key} is given for no stretch of the steps that were trained")
    known = {kind: _sums(stretches, counts) for kind, counts in ours.items()}
    complete = {kind: sums for kind, sums in known.items() if sums is not None}
    if not complete:
        return Gap("tokens", key, path, "the rerun did not count the ids of its batches", stretches[-1][1])
    theirs = [counted.by_step[stop] - counted.by_step.get(start, 0) for start, stop in stretches]
    last = stretches[-1][1]
    for kind, sums in complete.items():
        if sums == theirs:
            padding = "with" if kind == "ids" else "without"
            says = (
                f"{key} grows by {sum(theirs):,} over {_words(stretches)}, {padding} padding, as in the rerun"
            )
            return Gap("tokens", key, path, says, last, same=True, distance=0.0, noisy=False)
    return _other(path, key, stretches, theirs, complete)


def _other(
    path: str,
    key: str,
    stretches: Sequence[tuple[int, int]],
    theirs: Sequence[int],
    ours: Mapping[str, Sequence[int]],
) -> Gap:
    """The kind of count that agrees longest, and where it stops to."""
    first = {
        kind: next(place for place, (one, two) in enumerate(zip(theirs, sums, strict=True)) if one != two)
        for kind, sums in ours.items()
    }
    kind = max(first, key=lambda name: first[name])
    place = first[kind]
    start, stop = stretches[place]
    where = f"step {stop}" if stop == start + 1 else f"steps {start + 1} to {stop}"
    mine, made = theirs[place], ours[kind][place]
    says = f"{key} grows by {mine:,} in {where}, the rerun's batches held {made:,}"
    gap = abs(mine - made) / max(abs(mine), made, 1)
    return Gap(
        "tokens", key, path, says, stop, distance=gap, noisy=False, ratio=mine / made if made else None
    )


def _stretches(counted: _Counted, plan: RerunPlan) -> Iterator[tuple[int, int]]:
    """(step before, last step) of what lies between two counts inside one trained part; a run begins at 0.

    A count that falls began anew: TRL's does when a run is resumed, and then no stretch ends there.
    """
    known = {0, *counted.by_step}
    for part in plan.trained:
        inside = sorted(step for step in known if part.start <= step <= part.stop)
        for start, stop in pairwise(inside):
            if counted.by_step[stop] >= counted.by_step.get(start, 0):
                yield start, stop


def _sums(stretches: Sequence[tuple[int, int]], counts: Mapping[int, int]) -> list[int] | None:
    """How many the rerun drew in each stretch; None where a step was not counted."""
    if any(step not in counts for start, stop in stretches for step in range(start + 1, stop + 1)):
        return None
    return [sum(counts[step] for step in range(start + 1, stop + 1)) for start, stop in stretches]


def _words(stretches: Sequence[tuple[int, int]]) -> str:
    count = sum(stop - start for start, stop in stretches)
    return "1 step" if count == 1 else f"{count} steps"
