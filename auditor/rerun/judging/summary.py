"""Judged gaps -> aspects, the first divergence, and the sentences that go with a verdict."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from auditor.model import Aspect, Divergence, RerunPlan, Verdict
from auditor.rerun.judging.curve_gap import COUNTED, TAGS, first_outside
from auditor.rerun.judging.gaps import Gap, is_outside
from auditor.rerun.outputs import Output, Outputs

ORDER = (
    "init",
    "data order",
    "tokens",
    "curve",
    "weights",
    "parameters",
    "optimizer",
    "scheduler",
    "rng",
    "scaler",
    "state",
    "flops",
)
DATA_ORDER = "no committed file records which rows a step drew; equal losses step by step imply equal batches"
UNCOUNTED = "no committed file counts tokens (include_num_input_tokens_seen was off)"
_DECISIVE = (
    *("packing", "compute_dtype", "quantization", "init_seed", "seed", "gradient_accumulation_steps"),
    "train_sampling_strategy",
)
"""Settings whose assumed value an honest run may not share, most telling first."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A gap with its verdict; ``limit`` is the distance up to which it would be noise.

    ``proved`` says that other bits agree, so that nothing can explain the gap.
    """

    gap: Gap
    verdict: Verdict
    why: str
    limit: float
    floor: float | None
    proved: bool = False


def aspects_of(judged: Sequence[Judged]) -> tuple[Aspect, ...]:
    """One aspect a committed file and kind, in the order of ORDER and of steps; the worst gap speaks."""
    groups: dict[tuple[str, str | None], list[Judged]] = {}
    for item in judged:
        groups.setdefault((item.gap.aspect, item.gap.at), []).append(item)
    found = [_aspect(group) for group in groups.values()]
    found.append(Aspect("data order", Verdict.INCONCLUSIVE, None, None, DATA_ORDER))
    if not any(item.aspect == "tokens" for item in found):
        found.append(Aspect("tokens", Verdict.INCONCLUSIVE, None, None, UNCOUNTED))
    steps = {(item.gap.aspect, item.gap.at): item.gap.step or 0 for item in judged}
    found.sort(key=lambda a: (ORDER.index(a.aspect), steps.get((a.aspect, a.at), 0), a.at or ""))
    return tuple(found)


def _aspect(group: Sequence[Judged]) -> Aspect:
    verdict = _worst(group)
    speaking = [item for item in group if item.verdict is verdict]
    worst = max(speaking, key=lambda item: item.gap.distance or 0.0)
    return Aspect(
        worst.gap.aspect,
        verdict,
        worst.gap.distance,
        worst.floor,
        _said(speaking),
        worst.gap.at,
    )


def _worst(group: Sequence[Judged]) -> Verdict:
    """The worst verdict, where what was compared and stays open counts as worse than what agrees beside it."""
    found = min(item.verdict for item in group)
    undecided = any(item.verdict is Verdict.INCONCLUSIVE and item.gap.distance is not None for item in group)
    return Verdict.INCONCLUSIVE if undecided and found is not Verdict.DIVERGED else found


def _said(speaking: Sequence[Judged]) -> str:
    """What the worst gaps of a file say, equal curves in one sentence."""
    found: list[str] = []
    equal: dict[str, list[str]] = {}
    for item in speaking:
        name, _, rest = item.why.partition(" is equal at ")
        if item.gap.points and item.gap.distance == 0 and rest:
            equal.setdefault(rest, []).append(name)
        else:
            found.append(item.why)
    for rest, names in equal.items():
        joined = f"{', '.join(names[:-1])} and {names[-1]} are" if len(names) > 1 else f"{names[0]} is"
        found.append(f"{joined} equal at {rest}")
    return "; ".join(dict.fromkeys(found))


def first_divergence(judged: Sequence[Judged]) -> Divergence | None:
    """The first step of a curve that leaves the noise, and the module that moved most after it.

    None when nothing diverged.
    """
    diverged = [item for item in judged if item.verdict is Verdict.DIVERGED]
    if not diverged:
        return None
    sound = _last_sound(judged)
    curves = [
        (step, item.gap.key) for item in diverged if (step := first_outside(item.gap, item.limit)) is not None
    ]
    placed = sorted(
        (item.gap for item in diverged if not item.gap.points),
        key=lambda gap: (gap.step or 0, gap.aspect != "weights"),
    )
    weights = next((gap for gap in placed if gap.aspect == "weights"), None)
    module, tensor = (weights.module, weights.tensor) if weights else (None, None)
    if curves:
        step, tag = min(curves, key=lambda found: (found[0], _rank(found[1])))
        says = f"{tag} first differs at step {step}{_since(sound, step)}"
        return Divergence(step, module, tensor, says)
    first = placed[0]
    says = (
        f"no logged value tells the step; {first.at} ({first.aspect}) is the first file that differs"
        f"{_since(sound, first.step)}"
    )
    return Divergence(first.step, module, tensor, says)


def _last_sound(judged: Iterable[Judged]) -> int | None:
    """The last committed step whose weights the recipe makes, before any that it does not make."""
    placed = [
        (item.gap.step, item.verdict) for item in judged if item.gap.aspect == "weights" and item.gap.step
    ]
    bad = min((step for step, verdict in placed if verdict is Verdict.DIVERGED), default=math.inf)
    good = [step for step, verdict in placed if verdict in (Verdict.IDENTICAL, Verdict.EQUIVALENT)]
    return max((step for step in good if step < bad), default=None)


def _since(sound: int | None, step: int | None) -> str:
    """Up to where the committed weights are what the recipe makes, if that is before a step."""
    if sound is None or step is None or sound >= step:
        return ""
    return f", after weights that agree at step {sound}"


def _rank(tag: str) -> int:
    return TAGS.index(tag) if tag in TAGS else len(TAGS)


def is_learned(item: Judged) -> bool:
    """Whether a comparison was made of something that only training computes.

    Learning rates, counters and flops follow from the recipe's text: a forger writes them without training.
    """
    learned = item.gap.aspect in ("weights", "optimizer") or item.gap.key in ("loss", "grad_norm")
    return learned and item.verdict is not Verdict.INCONCLUSIVE


def is_computed(item: Judged) -> bool:
    """Whether training alone computes the value, whatever came of it: weights, moments, and all curves but counters.

    More than `is_learned` counts as evidence: a mean loss or an accuracy may agree by rounding.
    """
    gap = item.gap
    return gap.aspect in ("weights", "optimizer") or (gap.aspect == "curve" and gap.key not in COUNTED)


def begins_alike(judged: Iterable[Judged]) -> bool:
    """Whether the first logged loss and gradient norm agree; False where no file logs the norm.

    The loss depends on base and rows alone, because lora_B is zero; the norm on the adapter's draws, on dropout and on
    how gradients are scaled, too.
    """
    curves = [item for item in judged if item.gap.key in ("loss", "grad_norm") and item.gap.points]
    return any(item.gap.key == "grad_norm" for item in curves) and not any(
        item.verdict in (Verdict.DIVERGED, Verdict.INCONCLUSIVE)
        and item.gap.points[0][1] > max(item.limit, item.gap.slack)
        for item in curves
    )


def summary(verdict: Verdict, judged: Sequence[Judged], plan: RerunPlan) -> str:
    """The verdict in one or two sentences."""
    comparable = [item for item in judged if item.verdict is not Verdict.INCONCLUSIVE]
    if not comparable:
        return _of_weights(judged, "nothing that a rerun makes was committed inside the span")
    if verdict is Verdict.DIVERGED:
        files = dict.fromkeys(item.gap.at for item in comparable if item.verdict is verdict)
        return f"The recipe does not make {_listed([str(path) for path in files])}.{_lead(judged, plan)}"
    if verdict is Verdict.INCONCLUSIVE:
        agree = ", ".join(dict.fromkeys(item.gap.aspect for item in comparable))
        why = _of_weights(judged, "no weights were committed")
        return f"Whether the recipe makes the weights stays open: {why}. What agrees ({agree}) proves no training."
    return _agreeing(verdict, judged, comparable, plan)


def _agreeing(
    verdict: Verdict, judged: Sequence[Judged], comparable: Sequence[Judged], plan: RerunPlan
) -> str:
    where = plan.words
    if verdict is Verdict.CONSISTENT:
        return _consistent(comparable, where)
    how = "bit for bit" if verdict is Verdict.IDENTICAL else "up to the noise of the arithmetic"
    kinds = [aspect for aspect in ORDER if any(item.gap.aspect == aspect for item in comparable)]
    if "weights" not in kinds:
        agree = "agrees" if len(kinds) == 1 else "agree"
        return f"No weights could be compared; {', '.join(kinds)} {agree} {how} over {where}."
    unseen = [*_uncompared(judged), *_untried(plan)]
    made = "what could be compared" if unseen else "what was committed"
    rest = f"; not compared: {_listed(unseen)}" if unseen else ""
    return f"The recipe makes {made}, {how}, over {where}{rest}."


def _consistent(comparable: Sequence[Judged], where: str) -> str:
    """How much nearer the declared recipe is: noise, or what is unknown of the machine, hides anything finer."""
    near = [
        item for item in comparable if item.verdict is Verdict.CONSISTENT and item.gap.aspect == "weights"
    ]
    farthest = max((item.gap.distance or 0.0 for item in near), default=0.0)
    return (
        f"Over {where} the committed weights lie {farthest:.2g} from what the recipe makes here, and at least "
        "three times as far from every other recipe that was trained: consistent with it, not proved to be its own."
    )


def _of_weights(judged: Sequence[Judged], otherwise: str) -> str:
    """Why nothing follows: of the weights if any were committed, else of the first thing that cannot be compared."""
    unclear = [item for item in judged if item.verdict is Verdict.INCONCLUSIVE]
    unclear.sort(key=lambda item: item.gap.aspect != "weights")
    return next((item.why for item in unclear), otherwise)


def _uncompared(judged: Sequence[Judged]) -> list[str]:
    """Weights inside the span that no comparison covers: the published adapter may be among them."""
    open_ones = [item for item in judged if item.verdict is Verdict.INCONCLUSIVE]
    return list(dict.fromkeys(str(item.gap.at) for item in open_ones if item.gap.aspect == "weights"))


def _untried(plan: RerunPlan) -> Iterator[str]:
    """What a rerun does not repeat: steps from a start that nothing here draws, evaluations of rows no file names."""
    first = min(part.start for part in plan.trained)
    if plan.unknown_start is not None and first > 0:
        yield f"steps 1 to {first:,}, because the declared seed did not draw the adapter"
    if "evaluations" in plan.settings:
        yield f"the evaluations in {plan.settings['evaluations'].source.partition('#')[0]}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more files" if len(names) > 3 else "")


def _lead(judged: Sequence[Judged], plan: RerunPlan) -> str:
    """Where to look: the first loss is computed before any update, from base, data and pipeline alone."""
    first = next((item for item in judged if item.gap.key == "loss" and item.gap.points), None)
    assumed = [key for key in _DECISIVE if key in plan.settings and plan.settings[key].assumed]
    guess = f" Assumed, because no file says it: {', '.join(assumed)}." if assumed else ""
    if first is None or first.gap.points[0][0] != 1:
        return guess
    if first.gap.points[0][1] > max(first.limit, first.gap.slack):
        says = "The loss of step 1 differs already: base, data, seed or the pipeline's choices are others."
        return f" {says}{guess}"
    return " The loss of step 1 agrees, which base, first batch and pipeline decide."


def repeats_of(outputs: Outputs, between: Callable[[Output, Output], Iterable[Gap]]) -> tuple[str, ...]:
    """What each training of ours varied and how far its adapter moved; ``between`` gives the gaps of two of them."""
    return (*_moved(outputs, between), *outputs.notes)


def _moved(outputs: Outputs, between: Callable[[Output, Output], Iterable[Gap]]) -> Iterator[str]:
    for other in (*outputs.repeats, *outputs.variations):
        gaps = [
            gap
            for gap in between(other, outputs.rerun)
            if gap.aspect == "weights" and not is_outside(gap.key)
        ]
        known = [gap.distance for gap in gaps if gap.distance is not None]
        if not known:
            yield f"{other.says}: left nothing to compare"
        elif all(gap.same for gap in gaps):
            yield f"{other.says}: bit-equal"
        else:
            step = first_apart(other, outputs.rerun)
            where = "" if step is None else f", apart from step {step} on"
            yield f"{other.says}: {max(known):.2g} away{where}"


def first_apart(one: Output, two: Output) -> int | None:
    """The first step after which the adapters of two trainings of ours have other bits, by their digests.

    None where no step tells.
    """
    for mine, other in zip(one.steps(), two.steps(), strict=False):
        step, digests = mine.get("step"), mine.get("digests")
        if digests is not None and step == other.get("step") and digests != other.get("digests"):
            return step if isinstance(step, int) else None
    return None
