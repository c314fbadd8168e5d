"""What people read: the confusion table by kind, every failure with its reason, and the ROC of the distance."""

from collections.abc import Iterator, Sequence

from benchmarks.detection.judge import ACCUSED, CLEARED, INCONCLUSIVE, MISSED, RERUN, RULES, Judgement

SHARE = 0.95
"""Falsified runs that have to be caught."""


def table(judged: Sequence[Judgement]) -> str:
    """The whole report as Markdown."""
    falsified = [one for one in judged if not one.honest]
    honest = [one for one in judged if one.honest]
    return "\n".join([*_falsified(falsified), "", *_honest(honest), "", *_roc(judged), "", *_reasons(judged)])


def holds(judged: Sequence[Judgement]) -> bool:
    """No honest run accused, no falsified one missed, and SHARE of them caught."""
    falsified = [one for one in judged if not one.honest]
    caught = sum(one.outcome in (RULES, RERUN) for one in falsified)
    return not any(one.failed for one in judged) and caught >= SHARE * len(falsified)


def _falsified(judged: Sequence[Judgement]) -> Iterator[str]:
    outcomes = (RULES, RERUN, INCONCLUSIVE, MISSED)
    yield "| falsified kind | runs | " + " | ".join(outcomes) + " |"
    yield "| --- |" + " --: |" * 5
    for kind in sorted({one.kind for one in judged}):
        yield _row(kind, [one for one in judged if one.kind == kind], outcomes)
    yield _row(f"all {len({one.kind for one in judged})} kinds", judged, outcomes)


def _honest(judged: Sequence[Judgement]) -> Iterator[str]:
    yield "| honest kind | runs | not accused | of these inconclusive | accused |"
    yield "| --- |" + " --: |" * 4
    for kind in sorted({one.kind for one in judged}):
        yield _honest_row(kind, [one for one in judged if one.kind == kind])
    yield _honest_row("all", judged)


def _honest_row(name: str, judged: Sequence[Judgement]) -> str:
    undecided = sum(one.verdict in ("inconclusive", "refused") for one in judged)
    cleared, accused = (sum(one.outcome == outcome for one in judged) for outcome in (CLEARED, ACCUSED))
    return f"| {name} | {len(judged)} | {cleared or ''} | {undecided or ''} | {accused or ''} |"


def _row(name: str, judged: Sequence[Judgement], outcomes: Sequence[str]) -> str:
    counts = [sum(one.outcome == outcome for one in judged) for outcome in outcomes]
    return f"| {name} | {len(judged)} | " + " | ".join(str(count or "") for count in counts) + " |"


def _reasons(judged: Sequence[Judgement]) -> Iterator[str]:
    for one in judged:
        if one.failed or one.outcome == INCONCLUSIVE:
            yield f"* {one.name}: {one.outcome} ({one.verdict}). {one.why}"
    for one in judged:
        if not one.as_expected:
            yield f"* not as expected, {' or '.join(one.expected)}: {one.name}: {one.outcome} ({one.verdict})"


def _roc(judged: Sequence[Judgement]) -> Iterator[str]:
    """Distance of the weights alone as a detector: how many lies and honest runs lie above each threshold."""
    honest = [one.distance for one in judged if one.honest and one.distance is not None]
    falsified = [one.distance for one in judged if not one.honest and one.distance is not None]
    if not honest or not falsified:
        return
    yield "| weights farther than | falsified | honest |"
    yield "| --: | --: | --: |"
    for limit in (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 0.5):
        lies, truths = (sum(value > limit for value in values) for values in (falsified, honest))
        yield f"| {limit:g} | {lies / len(falsified):.2f} | {truths / len(honest):.2f} |"
    yield ""
    yield f"Area under the curve, distance of the weights alone: {area(falsified, honest):.3f}"


def area(falsified: Sequence[float], honest: Sequence[float]) -> float:
    """The chance that a falsified run lies farther than an honest one; ties count half (Mann and Whitney)."""
    wins = sum((lie > truth) + (lie == truth) / 2 for lie in falsified for truth in honest)
    return wins / (len(falsified) * len(honest))
