"""A committed file is not what the rerun of the recipe makes.

The rerun trained the base model on the data with the settings of the plan, in an environment pinned for
bitwise repetition (one thread, eager attention, `use_deterministic_algorithms`, torch/__init__.py; torch
2.13.0 with transformers 5.23.0 repeats bit for bit), and measured how far the same plan moves under another
instruction set and thread count. The file named here lies outside three times that noise, or differs in
something that no rounding changes: a shape, a step count, a generator's state. Where weights are among them
they are the finding, and what follows from them (moments, curve, generators) is its evidence. Where the weights
agree each file is its own finding, because a spliced optimizer and an edited log are told apart by which files
still agree.

Wrong when: the training pipeline made a choice that no file states and the rerun assumed another (rows
packed or padded, truncated before or after packing, the adapter drawn before the seed was set), when base
model or data are not the ones that were used, or when the libraries of the run were others and no file
tells. The plan lists every assumed setting; a loss that differs at step 1 already points there.

Fix: give the base model and the data that were really used, declare the settings that the plan had to
assume, and if the file still differs, replace it by the one that the declared recipe produced or correct
the declaration.

Bad:
    rerun: checkpoint-9/optimizer.pt diverged

Good:
    rerun: checkpoint-9/optimizer.pt identical
"""

from collections.abc import Iterator, Sequence

from auditor.model import Aspect, Location, Problem, RerunResult, Severity, Skip, Verdict

SEVERITY = Severity.ERROR
_WORDS = {
    "init": "the untouched initial values are not those of the declared seed",
    "tokens": "the steps drew another number of tokens than the recipe draws",
    "parameters": "other parameters were updated than the recipe updates",
    "curve": "the logged curve is not the one the recipe gives",
    "weights": "the weights are not those the recipe makes",
    "optimizer": "the optimizer's state is not the one the recipe leaves",
    "scheduler": "the scheduler's state is not the one the recipe leaves",
    "rng": "the random generators are not in the state the recipe leaves",
    "state": "the counters are not those the recipe gives",
    "flops": "total_flos is not what the recipe counts",
}


def check(rerun: RerunResult) -> Iterator[Problem | Skip]:
    """One problem for weights and all that follows from them, else one for each committed file and kind."""
    if rerun.verdict is Verdict.INCONCLUSIVE:
        yield Skip(f"the rerun is inconclusive: {rerun.why}")
    diverged = [aspect for aspect in rerun.aspects if aspect.verdict is Verdict.DIVERGED]
    weights = min(
        (aspect for aspect in diverged if aspect.aspect == "weights"),
        key=lambda aspect: (aspect.at or "").count("/"),  # what is published comes before checkpoints
        default=None,
    )
    if weights is not None:
        yield _problem(weights, rerun, [aspect for aspect in diverged if aspect is not weights])
        return
    for aspect in diverged:
        yield _problem(aspect, rerun, ())


def _problem(aspect: Aspect, rerun: RerunResult, others: Sequence[Aspect]) -> Problem:
    assumed = [key for key, setting in rerun.plan.settings.items() if setting.assumed]
    evidence = [] if rerun.nearest is None else [f"nearest: {rerun.nearest}"]
    if rerun.first_divergence is not None:
        evidence.append(rerun.first_divergence.says)
    firsts: dict[str, Aspect] = {}
    for other in others:
        firsts.setdefault(other.aspect, other)
    evidence.extend(f"{other.at or rerun.plan.run} ({kind}): {other.why}" for kind, other in firsts.items())
    evidence.extend(rerun.repeats)
    if assumed:
        evidence.append(f"assumed, because no file says it: {', '.join(assumed)}")
    return Problem(
        f"{_WORDS.get(aspect.aspect, aspect.aspect)}: {aspect.why}",
        _place(aspect, rerun),
        expected=_expected(aspect, rerun),
        observed=_observed(aspect),
        evidence=tuple(evidence),
        also_at=tuple(_place(other, rerun) for other in others),
    )


def _place(aspect: Aspect, rerun: RerunResult) -> Location:
    return Location(aspect.at or rerun.plan.run, aspect.aspect)


def _expected(aspect: Aspect, rerun: RerunResult) -> str:
    span = rerun.plan.words
    floor = "" if not aspect.floor else f", within the noise measured ({aspect.floor:.2g})"
    return f"what {span} of the recipe makes{floor}"


def _observed(aspect: Aspect) -> str | None:
    if aspect.distance is None or aspect.distance == float("inf"):
        return None
    return f"a relative distance of {aspect.distance:.2g}"
