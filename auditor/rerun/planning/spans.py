"""Which steps to train: the whole run, segments between committed checkpoints, or a prefix; the most for the budget."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from auditor.artifacts.trainer_state import TrainerState
from auditor.errors import UsageError
from auditor.model import Setting, Span
from auditor.rerun.planning import gone_on
from auditor.rerun.planning.given import given
from auditor.rerun.planning.resume import why_not
from auditor.runs import Run

DEFAULT_STEPS = 200
"""Optimizer steps trained when the user gives no budget: a short run, or the beginning of a long one."""
MOST_SUMS = 4096
"""Sums of steps that are kept while segments are chosen, which a repository of many checkpoints could make many."""
AUTO, WHOLE, PREFIX, SEGMENTS = "auto", "whole", "prefix", "segments"
IGNORED = "ignore_data_skip"
_RANGE = re.compile(r"(\d{1,12})\.\.(\d{1,12})")


def made(run: Run, total: int) -> int:
    """The optimizer steps that the run made: fewer than its schedule's ``total`` where it was stopped early.

    The root's trainer_state.json is saved after the last step (`Trainer.save_state`); a checkpoint is the last where
    its control says ``should_training_stop`` (transformers 5.23.0, trainer_callback.py, ``EarlyStoppingCallback``).
    """
    final, latest = run.root.one(TrainerState), run.latest(TrainerState)
    if final is None and latest is not None and latest.control.get("should_training_stop") is True:
        final = latest
    step = final.global_step if final is not None else None
    return step if step is not None and 0 < step < total else total


def restarts(run: Run) -> tuple[int, ...]:
    """Steps after which the epoch's first rows were drawn again, as ``ignore_data_skip`` asks: those of checkpoints.

    Where none was committed there, it is the last step that was logged before. The logged epoch goes back there,
    because the micro-batches of the epoch are counted anew (transformers 5.23.0, trainer.py, ``_init_training_state``).
    """
    (_, arguments), state = given(run), run.latest(TrainerState)
    if arguments.get(IGNORED) is not True or state is None:
        return ()
    points = sorted(dict(state.logged("epoch")).items())
    back = [(a, b) for (a, before), (b, after) in pairwise(points) if after <= before]
    committed = [folder.step for folder in run.checkpoints if folder.step]
    return tuple(max((step for step in committed if a <= step < b), default=a) for a, b in back)


def restarting(run: Run) -> Mapping[str, Setting]:
    """The setting that lets a training draw an epoch's first rows again, where the run did."""
    return {IGNORED: Setting(True, f"{given(run)[0]}{IGNORED}")} if restarts(run) else {}


def choose(
    run: Run, total: int, budget: int, asked: str = AUTO, resumes: bool = True, optim: object = None
) -> tuple[str, tuple[Span, ...]]:
    """The kind of span and its parts. Raises UsageError for a span that this run does not allow.

    ``asked`` is auto, whole, prefix, segments, or ``a..b`` for the steps after a to b, where a is 0 or a committed
    checkpoint with states. Without a word the whole run is taken if it fits, then segments if any fits, else a prefix.
    A trainer that does not resume has no segments. ``optim`` is the recipe's optimizer, whose states alone are gone on
    from; None takes any.
    """
    exact = _RANGE.fullmatch(asked)
    if not resumes and (asked == SEGMENTS or (exact and int(exact[1]))):
        raise UsageError(
            "this trainer does not go on from a checkpoint bit for bit", "use --span whole or prefix"
        )
    if exact:
        return SEGMENTS, (_exact(run, total, int(exact[1]), int(exact[2]), optim),)
    if asked not in (AUTO, WHOLE, PREFIX, SEGMENTS):
        raise UsageError(
            f"there is no span {asked!r}", "use auto, whole, prefix, segments, or two steps such as 9..18"
        )
    broken = bool(restarts(run) or gone_on.before(run))
    if (asked == WHOLE and not gone_on.before(run)) or (asked == AUTO and total <= budget and not broken):
        return WHOLE, (Span(0, total),)
    parts = () if asked == PREFIX or not resumes else tuple(_fitting(segments(run, total, optim), budget))
    if len(parts) == 1 and parts[0].start == 0:
        return PREFIX, parts
    if parts:
        return SEGMENTS, parts
    if asked == SEGMENTS:
        raise UsageError(
            f"no segment of this run fits {budget} steps: {_why(run, optim)}",
            "give --steps more, or --span prefix",
        )
    return PREFIX, (Span(0, _prefix(run, total, budget)),)


def resumed(run: Run, total: int, budget: int, optim: object = None) -> tuple[str, tuple[Span, ...]] | None:
    """The segments that begin at a committed checkpoint, as they fit the budget; None when none does."""
    known = tuple(span for span in segments(run, total, optim) if span.resume is not None)
    parts = tuple(_fitting(known, budget))
    return (SEGMENTS, parts) if parts else None


def segments(run: Run, total: int, optim: object = None) -> tuple[Span, ...]:
    """Every stretch between two committed moments that training can begin at and end at, in order.

    Where rows were drawn again after some checkpoints, only these are beginnings: elsewhere the run went on.
    """
    anew = restarts(run)
    moments = {step: folder for folder in run.checkpoints if (step := folder.step) and step <= total}
    found: list[Span] = []
    before = Span(0, 0)
    for step in sorted(anew or moments):
        if before.stop == 0 or before.resume is not None:
            found.append(Span(before.stop, step, before.resume))
        folder = moments.get(step)
        known = folder is not None and why_not(run, folder, optim) is None
        before = Span(0, step, folder.path if folder is not None and known else None)
    if before.stop < total and before.resume is not None:
        found.append(Span(before.stop, total, before.resume))
    return tuple(found)


def _fitting(known: Sequence[Span], budget: int) -> Iterator[Span]:
    """The last, which ends in what is published, the first, which tells the seed, then those that cover most."""
    chosen: list[Span] = []
    for span in dict.fromkeys((*known[-1:], *known[:1])):
        if sum(item.steps for item in chosen) + span.steps <= budget:
            chosen.append(span)
    rest = budget - sum(item.steps for item in chosen)
    yield from sorted((*chosen, *_most(known[1:-1], rest)), key=lambda span: span.start)


def _most(known: Sequence[Span], budget: int) -> tuple[Span, ...]:
    """Of some spans those whose steps together come nearest to a budget, earlier ones where several sums are equal."""
    sums: dict[int, tuple[Span, ...]] = {0: ()}
    for span in known:
        for total, parts in list(sums.items()):
            if total + span.steps <= budget and len(sums) < MOST_SUMS:
                sums.setdefault(total + span.steps, (*parts, span))
    return sums[max(sums)]


def _prefix(run: Run, total: int, budget: int) -> int:
    """The last committed checkpoint inside the budget, else the budget."""
    committed = [folder.step for folder in run.checkpoints if folder.step and folder.step <= budget]
    return min(max(committed, default=budget), total or budget, *restarts(run), *gone_on.before(run))


def _exact(run: Run, total: int, start: int, stop: int, optim: object) -> Span:
    if not start < stop <= total:
        raise UsageError(
            f"{start}..{stop} are no steps of this run, which has {total}", "give two steps in order"
        )
    within = [step for step in gone_on.before(run) if start < step < stop]
    if within:
        raise UsageError(
            f"the run was gone on with under other settings after step {within[0]}", "end or begin there"
        )
    if start == 0:
        return Span(0, stop)
    folder = next((item for item in run.checkpoints if item.step == start), None)
    if folder is None:
        steps = ", ".join(str(item.step) for item in run.checkpoints) or "none"
        raise UsageError(f"no checkpoint was committed at step {start}", f"there are: {steps}")
    if (reason := why_not(run, folder, optim)) is not None:
        raise UsageError(f"training cannot go on from step {start}: {reason}", "give another step, or 0")
    return Span(start, stop, folder.path)


def _why(run: Run, optim: object) -> str:
    reasons = [reason for folder in run.checkpoints if (reason := why_not(run, folder, optim)) is not None]
    return reasons[0] if reasons else "the checkpoints lie too far apart"
