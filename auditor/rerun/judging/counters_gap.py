"""trainer_state.json of a checkpoint, key by key: what the recipe decides, what evaluation decides, and the flops."""

import math
from collections.abc import Iterator, Mapping, Sequence

from auditor.artifacts._fields import is_number
from auditor.artifacts.trainer_state import TrainerState
from auditor.artifacts.training_args import TrainingArgs
from auditor.rerun.judging.gaps import Gap, Pair, both, missing, relative
from auditor.rerun.outputs import Output

COUNTERS = (
    *("global_step", "max_steps", "epoch", "num_train_epochs", "train_batch_size"),
    *("num_input_tokens_seen", "logging_steps", "save_steps"),
    *("is_local_process_zero", "is_world_process_zero"),
)
"""Fields that the recipe decides; the last two are true of a run of one process, and others are not rerun."""
EVALUATED = ("best_metric", "best_global_step", "best_model_checkpoint")
"""What evaluation decides, which a rerun does not repeat."""
SEARCHED = ("is_hyper_param_search", "trial_name", "trial_params")
"""What a hyperparameter search leaves, which a rerun does not repeat."""
CONTROL = ("should_training_stop", "should_epoch_stop", "should_save", "should_log")
"""Flags of TrainerControl at the moment of saving (transformers 5.23.0, trainer_callback.py); should_evaluate is
evaluation's."""
EVAL_STEPS = 500
"""``TrainerState.eval_steps`` where the arguments give none (transformers 5.23.0, trainer_callback.py)."""
EPOCH_SLACK = 1e-6
CLOSED_FORM = 1e-9
"""Relative slack of a closed form: the last bits of a product."""


def state_gap(pair: Pair) -> Gap | None:
    """trainer_state.json but for its log and its flops."""
    found = both(pair, TrainerState, "state", "trainer_state.json", "left no trainer_state.json at this step")
    if not isinstance(found, tuple):
        return found
    theirs, ours = found
    compared = [key for key in COUNTERS if key in theirs.raw and key in ours.raw]
    # Tokens are counted only where the arguments ask for it, which changes nothing that is trained.
    counts = theirs.num_input_tokens_seen and ours.num_input_tokens_seen
    compared = [key for key in compared if key != "num_input_tokens_seen" or counts]
    different = dict(_counters(theirs, ours, compared))
    if different:
        says, keys = next(iter(different.values())), tuple(different)
        return Gap("state", pair.key, theirs.path, says, pair.step, distance=math.inf, counters=keys)
    if not compared:
        return missing("state", pair, theirs.path, "it holds none of the counters")
    flags = list(_flags(theirs, ours))
    shared = ("the flags of TrainerControl",) if theirs.control and ours.control and not flags else ()
    says = f"{', '.join((*compared, *shared))} are equal"
    odd, beside = [*flags, *_odd(pair, theirs)], list(_beside(theirs, ours))
    says = "; ".join([says, *odd, *beside])
    return Gap("state", pair.key, theirs.path, says, pair.step, same=not odd, distance=0.0)


def _counters(theirs: TrainerState, ours: TrainerState, keys: list[str]) -> Iterator[tuple[str, str]]:
    """The fields that are others, each with a sentence."""
    for key in keys:
        one, two = theirs.raw[key], ours.raw[key]
        if one != two and not (key == "epoch" and _near(one, two)):
            few = key in ("epoch", "num_train_epochs") and _is_more(two, one)
            why = (
                ": the data given makes fewer examples than the run had, or a step of it took fewer"
                if few
                else ""
            )
            yield key, f"{key} is {one}, the rerun's {two}{why}"


def _is_more(one: object, two: object) -> bool:
    return isinstance(one, int | float) and isinstance(two, int | float) and one > two


def _near(one: object, two: object) -> bool:
    return is_number(one) and is_number(two) and relative(one, two) <= EPOCH_SLACK


def _flags(theirs: TrainerState, ours: TrainerState) -> Iterator[str]:
    """Flags that differ. A callback may set any of them, so that they accuse nobody.

    The end of a span, where the rerun stops itself, is no end of the run; a run that was stopped and went on later
    has the flag at the step where it was stopped.
    """
    for key in CONTROL:
        one, two = theirs.control.get(key), ours.control.get(key)
        if one is None or two is None or one == two:
            continue
        if key != "should_training_stop" or (not one and (ours.global_step or 0) >= (ours.max_steps or 0)):
            yield f"stateful_callbacks: {key} is {one} at step {theirs.global_step}, the rerun's {two}"


def _odd(pair: Pair, theirs: TrainerState) -> Iterator[str]:
    """What no evaluation and no argument of this folder explains. It changes nothing that is trained."""
    evaluated = any(key.startswith("eval_") for key in theirs.row_keys)
    for key in () if evaluated else EVALUATED:
        if theirs.raw.get(key) is not None:
            yield f"{key} is {theirs.raw[key]}, and no row of the log evaluates anything"
    arguments = pair.theirs.one(TrainingArgs)
    given = theirs.raw.get("eval_steps")
    if arguments is not None and isinstance(given, int | float):
        expected = arguments.values.get("eval_steps")
        steps = EVAL_STEPS if expected is None else expected
        if isinstance(steps, float) and 0 < steps < 1:
            steps = math.ceil((theirs.max_steps or 0) * steps)
        if given != steps:
            yield f"eval_steps is {given}, by {arguments.path} {steps}"
    if theirs.is_hyper_param_search is False:
        named = [key for key in SEARCHED[1:] if theirs.raw.get(key) is not None]
        if named:
            yield f"{' and '.join(named)} of a search, which is_hyper_param_search denies"


def _beside(theirs: TrainerState, ours: TrainerState) -> Iterator[str]:
    """What a rerun does not repeat, by the names of the keys."""
    if theirs.control.get("should_training_stop") and ours.control.get("should_training_stop") is False:
        yield "should_training_stop is true: the run was stopped here, which a rerun does not repeat"
    if any(key.startswith("eval_") for key in theirs.row_keys):
        yield "evaluation is not repeated"
    if theirs.is_hyper_param_search:
        yield "is_hyper_param_search is true, and a search is not repeated"
    others = [name for name in theirs.callbacks if name not in ("TrainerControl", *ours.callbacks)]
    if others:
        yield f"the state of {', '.join(others)} is not compared"
    unknown = sorted(theirs.keys - ours.keys - {*EVALUATED, *SEARCHED})
    if unknown:
        yield f"not compared, because this training leaves no such key: {', '.join(unknown)}"


def flops_gap(pair: Pair) -> Gap | None:
    """total_flos of trainer_state.json: 6 x tokens x parameters, so any other number is another training."""
    theirs, ours = pair.theirs.one(TrainerState), pair.ours.one(TrainerState)
    if theirs is None or not theirs.total_flos:
        return None
    if ours is None or not ours.total_flos:
        return missing("flops", pair, theirs.path, "the rerun counted no flops at this step")
    return counted(pair.key, theirs.path, pair.step, theirs.total_flos, ours.total_flos)


def flops_of(rerun: Output) -> Mapping[int, float]:
    """Step -> the flops that a training of ours had counted when it ended there."""
    return {
        state.global_step: state.total_flos
        for _, state in rerun.states()
        if state.global_step and state.total_flos
    }


def logged_flops(
    path: str, theirs: Sequence[tuple[int, float]], ours: Mapping[int, float], slack: float = CLOSED_FORM
) -> Iterator[Gap]:
    """The flops in the row that ends a log, where the rerun ended there too; ``slack`` is the file's rounding."""
    for step, value in theirs:
        if step in ours:
            yield counted("logged", path, step, value, ours[step], slack)


def counted(
    key: str, path: str, step: int | None, theirs: float, ours: float, slack: float = CLOSED_FORM
) -> Gap:
    """Two counts of flops; ``slack`` is what the file's number type rounds."""
    gap = relative(theirs, ours)
    says = f"total_flos is {_whole(theirs)}"
    if gap > slack or (gap and slack == CLOSED_FORM):
        says += f", the rerun's {_whole(ours)}"
    return Gap(
        "flops",
        key,
        path,
        says,
        step,
        same=gap == 0,
        distance=math.inf if gap > slack else gap,
        slack=slack if slack > CLOSED_FORM else 0.0,
        ratio=theirs / ours,
    )


def _whole(count: float) -> str:
    return f"{int(count) if math.isfinite(count) else count:,}"
