"""Logged curves of two trainings, file by file: loss, learning_rate and grad_norm at each step."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from auditor.artifacts.event_log import EventLog
from auditor.artifacts.trainer_state import TrainerState
from auditor.compare.speed import steps_by_speed
from auditor.model import RerunPlan
from auditor.rerun.judging.counters_gap import flops_of, logged_flops
from auditor.rerun.judging.gaps import Gap, relative
from auditor.rerun.judging.log_format import FULL, Format
from auditor.rerun.outputs import Output
from auditor.runs import Run

TAGS = ("loss", "learning_rate", "grad_norm")
SLACK: Mapping[str, float] = {"learning_rate": 1e-9, "epoch": 5e-3}
"""Relative differences that are never a sign: the last bits of a closed form; releases before 4.42 round the epoch."""
_SLACK = 1e-6
"""The same for sums over float32, which everything else that is logged comes from."""
COUNTED = frozenset({"learning_rate", "epoch", "num_tokens", "num_input_tokens_seen"})
"""What recipe and data decide without arithmetic in float32, so that every machine logs the same."""
_LAST = COUNTED | {"grad_norm"}
"""What a row tells of its own step; everything else is a mean over the steps since the row before."""
FLOPS = "total_flos"
NO_CURVE = ("step", FLOPS)
"""Keys of a row that are no value by step."""
TRAIN_LOSS = "train_loss"
_CLOCK = ("_runtime", "_per_second")
MEAN_SLACK = 1e-5
"""Relative difference of a mean worked out here from one that was summed in float32."""
SINGLE = 1.2e-7
"""Relative rounding of an event file's float32 (2**-23)."""
EXACT = Format()
"""A number as it was computed."""

Series = Mapping[int, float]


Telling = Callable[[str, Callable[[float], float]], frozenset[int]]
"""Tag, what a file makes of a number -> the steps at which another machine would log another value there."""


def curve_gaps(run: Run, plan: RerunPlan, rerun: Output, telling: Telling | None = None) -> Iterator[Gap]:
    """Every committed file that logs a curve, each tag by itself, up to the end of the span."""
    ours, flops, begun = curves_of(rerun), flops_of(rerun), _begun(run)
    for state in run.all(TrainerState):
        logged = {tag: state.logged(tag) for tag in ours}
        yield from _file(state.path, logged, plan, ours, telling, begun, single=False)
        yield from logged_flops(state.path, state.logged(FLOPS), flops)
    for log in run.events:
        yield from _file(log.path, _scalars(log, ours), plan, ours, telling, begun, single=True)
        yield from logged_flops(log.path, _scalars(log, (FLOPS,))[FLOPS], flops, SINGLE)


def _scalars(log: EventLog, tags: Iterable[str]) -> Mapping[str, Sequence[tuple[int, float]]]:
    """The tags as TensorBoardCallback spells them (transformers, integration_utils.py)."""
    return {tag: [(point.step, point.value) for point in log.scalars.get(f"train/{tag}", ())] for tag in tags}


def curves_of(output: Output) -> Mapping[str, tuple[tuple[int, float], ...]]:
    """Every curve that a training of ours logged, loss, learning_rate and grad_norm first."""
    found: dict[str, list[tuple[int, float]]] = {tag: [] for tag in TAGS}
    for span, state in output.states():
        for tag in dict.fromkeys(key for row in state.log_history for key in row):
            if tag not in NO_CURVE and not tag.endswith(_CLOCK) and (tag != TRAIN_LOSS or not span.start):
                points = [point for point in state.logged(tag) if point[0] > span.start]
                found.setdefault(tag, []).extend(points)
    return {tag: tuple(points) for tag, points in found.items() if points}


def _file(
    path: str,
    logged: Mapping[str, Sequence[tuple[int, float]]],
    plan: RerunPlan,
    ours: Mapping[str, Sequence[tuple[int, float]]],
    telling: Telling | None,
    begun: Collection[int] = (),
    *,
    single: bool,
) -> Iterator[Gap]:
    accumulation = plan.settings.get("gradient_accumulation_steps")
    factor = accumulation.value if accumulation and isinstance(accumulation.value, int) else 1
    for tag in dict.fromkeys((*TAGS, *logged)):
        unfit = _unfit(tag, logged, plan, begun)
        theirs = {
            step: value for step, value in logged.get(tag, ()) if plan.covers(step) and step not in unfit
        }
        if theirs:
            stored = Format.of(theirs.values(), single, counted=tag in COUNTED)
            mine = _mean(theirs, ours, stored) if tag == TRAIN_LOSS else dict(ours.get(tag, ()))
            found = _with_holes(curve_gap(tag, path, theirs, mine, stored, factor), theirs, mine, unfit)
            yield replace(found, telling=telling(tag, stored)) if telling is not None else found


def _mean(theirs: Series, ours: Mapping[str, Sequence[tuple[int, float]]], stored: Format) -> Series:
    """The mean loss of the whole training, or of the steps since the checkpoint from which a run was resumed.

    A resumed run sums from there (transformers 4.51.3, trainer.py, ``_total_loss_scalar``), and divides by all steps
    or, in release 5, by those (5.23.0, ``_finalize_training``). Where not every step was logged here, only an equal
    mean says something.
    """
    whole, losses = dict(ours.get(TRAIN_LOSS, ())), dict(ours.get("loss", ()))
    (step, value), *_ = theirs.items()
    if step not in whole:
        return {}
    rest, means = 0.0, [whole[step]]
    for at in range(step, 0, -1):
        if at not in losses:
            return whole if stored.apart(value, whole[step]) <= MEAN_SLACK else {}
        rest += losses[at]
        means += [rest / step, rest / (step - at + 1)]
    nearest = min(means, key=lambda mean: stored.apart(value, mean))
    return {step: nearest if stored.apart(value, nearest) <= MEAN_SLACK else whole[step]}


def _with_holes(gap: Gap, theirs: Series, ours: Series, unfit: frozenset[int]) -> Gap:
    """Names rows that are missing between others, where the file logs at no step but those of the rerun."""
    rows = sorted(step for step in ours if min(theirs) < step < max(theirs) and step not in unfit)
    gone = [step for step in rows if step not in theirs]
    if not gone or not set(theirs) <= set(ours):
        return gap
    more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
    says = f"{gap.says}; it has no row at step {gone[0]}{more}, where the rerun logs one"
    return replace(gap, says=says, same=False)


def _begun(run: Run) -> frozenset[int]:
    """Steps from which training went on, by the speeds that its last row counts: their checkpoints may be gone."""
    ends = [
        (state.log_history[-1], state.global_step) for state in run.all(TrainerState) if state.log_history
    ]
    made = ((last, steps_by_speed(row)) for row, last in ends if last and row.get("step") == last)
    return frozenset(last - counted for last, counted in made if counted is not None and 0 < counted < last)


def _unfit(
    tag: str, logged: Mapping[str, Sequence[tuple[int, float]]], plan: RerunPlan, begun: Collection[int] = ()
) -> frozenset[int]:
    """Steps at which a training that went on from a checkpoint logs another number than one that was never stopped.

    The first mean, where no row was logged at the checkpoint itself, be it there or gone (``begun``): it holds the
    steps since then alone (transformers 5.23.0, trainer.py, ``_globalstep_last_logged``). Every num_tokens, which TRL
    counts from its start (trl 1.16.0, trainer/sft_trainer.py, ``_total_train_tokens``).
    """
    rows = sorted({step for points in logged.values() for step, _ in points})
    found: set[int] = set()
    for part in plan.trained:
        after = [step for step in rows if part.start < step <= part.stop]
        if part.resume is not None and tag == "num_tokens":
            found.update(after)
        elif part.resume is not None and tag not in _LAST and part.start not in rows:
            found.update(after[:1])
    if tag not in _LAST:
        found.update(next((step for step in rows if step > start), 0) for start in begun if start not in rows)
    return frozenset(found)


def curve_gap(
    tag: str, path: str, theirs: Series, ours: Series, stored: Format = EXACT, factor: int = 1
) -> Gap:
    """One curve; ``stored`` is how the file holds a number, ``factor`` the accumulation."""
    common = sorted(set(theirs) & set(ours))
    if not common:
        return Gap("curve", tag, path, f"the rerun logged no {tag} at the steps committed")
    whole = replace(stored, decimals=None)
    if all(not whole.apart(theirs[step], ours[step]) for step in common):
        stored = whole
    points = tuple((step, stored.apart(theirs[step], ours[step])) for step in common)
    worst = max(points, key=lambda point: point[1])
    full = stored.decimals is None or stored.decimals >= FULL
    return Gap(
        "curve",
        tag,
        path,
        _sentence(tag, theirs, ours, worst, len(common), stored),
        common[-1],
        same=worst[1] == 0 and full,
        distance=worst[1],
        slack=SLACK.get(tag, _SLACK),
        noisy=tag not in COUNTED,
        points=points,
        convention=_convention(tag, theirs, ours, factor, stored) if worst[1] else None,
    )


def _sentence(
    tag: str, theirs: Series, ours: Series, worst: tuple[int, float], count: int, stored: Format
) -> str:
    steps = "1 step" if count == 1 else f"{count} steps"
    if worst[1] == 0:
        return f"{tag} is equal at {steps}{stored.words}"
    step = worst[0]
    values = f"{theirs[step]:.6g} for {ours[step]:.6g} at step {step}"
    return f"{tag} differs by up to {worst[1]:.2g} over {steps}: {values}"


def first_outside(gap: Gap, limit: float) -> int | None:
    """The first step whose gap is above a limit."""
    return next((step for step, value in gap.points if value > limit), None)


def repeated_curves(repeat: Output, rerun: Output) -> Iterator[Gap]:
    """The same curves of two trainings of ours, as they were computed."""
    theirs, ours = curves_of(repeat), curves_of(rerun)
    for tag, points in theirs.items():
        if tag in ours:
            yield curve_gap(tag, "", dict(points), dict(ours[tag]))


def _convention(
    tag: str, theirs: Series, ours: Series, factor: int, stored: Format
) -> tuple[str, float] | None:
    """How another release of transformers would log the same curve, and the largest gap that is left then.

    The loss times the accumulation (releases that logged the sum over micro-batches), or the learning rate of
    the next step (4.x logs after the scheduler's step).
    """
    if tag in ("loss", TRAIN_LOSS) and factor > 1:
        scaled = [stored.apart(theirs[step], ours[step] * factor) for step in set(theirs) & set(ours)]
        says = f"the loss is {factor} times the rerun's at every step, the sum over {factor} micro-batches"
        return says, max(scaled)
    if tag == "learning_rate":
        shifted = [relative(theirs[step], ours[step + 1]) for step in theirs if step + 1 in ours]
        if len(shifted) > 1:
            return "the learning rate is the rerun's of the next step, as 4.x releases log it", max(shifted)
    return None
