"""Trainings of other recipes in words."""

from collections.abc import Iterable
from dataclasses import dataclass

from auditor.model import Aspect, Control, RerunResult, Verdict
from auditor.report._text import number

_FITS = (Verdict.IDENTICAL, Verdict.EQUIVALENT)
_ORDER = (
    *(Verdict.DIVERGED, Verdict.INCONCLUSIVE, Verdict.CONSISTENT),
    Verdict.EQUIVALENT,
    Verdict.IDENTICAL,
)


@dataclass(frozen=True, slots=True)
class AspectGroup:
    """Aspects of one kind that say the same of several files, or that all agree; ``shown`` speaks for them."""

    shown: Aspect
    paths: tuple[str, ...]

    @property
    def where(self) -> str:
        """``trainer_state.json and 2 more files``; empty where no file is spoken of."""
        if len(self.paths) < 2:
            return "".join(self.paths)
        more = len(self.paths) - 1
        return f"{self.shown.at} and {more} more file{'s' if more > 1 else ''}"


def grouped(aspects: Iterable[Aspect]) -> tuple[AspectGroup, ...]:
    """The aspects, what decides first: what diverged, what stays open, what agrees, what nobody could compare."""
    found: dict[tuple[object, ...], list[Aspect]] = {}
    for item in aspects:
        said = () if item.verdict in _FITS else (item.why,)
        found.setdefault((item.aspect, item.verdict, *said), []).append(item)
    groups = [
        AspectGroup(_speaker(items), tuple(item.at for item in items if item.at is not None))
        for items in found.values()
    ]
    groups.sort(key=lambda group: (_is_blank(group.shown), _ORDER.index(group.shown.verdict)))
    return tuple(groups)


def _speaker(items: list[Aspect]) -> Aspect:
    """The farthest of them; of equally far ones what is published, else the last checkpoint's."""
    return max(reversed(items), key=lambda item: (item.distance or 0.0, "/" not in (item.at or "")))


def _is_blank(item: Aspect) -> bool:
    return item.verdict is Verdict.INCONCLUSIVE and item.distance is None


def told_in_one_line(groups: Iterable[AspectGroup]) -> tuple[AspectGroup, ...]:
    """Aspects that are bitwise alike where others are not: their names say all; where all are alike none is folded."""
    groups = tuple(groups)
    alike = tuple(group for group in groups if group.shown.verdict is Verdict.IDENTICAL)
    decided = [group for group in groups if not _is_blank(group.shown)]
    return () if len(alike) < 2 or len(alike) == len(decided) else alike


def untried(result: RerunResult) -> tuple[str, ...]:
    """Other readings of the declaration that no training here tried; their words begin with the settings changed."""
    tried = {item.says for item in result.controls}
    return tuple(text for text in result.plan.hypotheses if text.partition(": ")[0] not in tried)


def trained_again(result: RerunResult) -> str:
    """``the first 9 of 18 steps: 50 % of steps, 40 % of rows``."""
    shares = result.coverage or result.plan.coverage
    parts = [f"{shares[key]:.0%} of its {key}" for key in ("steps", "rows", "files") if key in shares]
    return f"{result.plan.words}{': ' if parts else ''}{', '.join(parts)}"


def control(item: Control) -> str:
    """``another seed: 1.3 from the declared recipe, 1.3 from what is committed``, as far as measured."""
    parts = [
        f"{number(distance)} from {what}"
        for distance, what in (
            (item.to_rerun, "the declared recipe"),
            (item.to_committed, "what is committed"),
        )
        if distance is not None
    ]
    if item.verdict is not None:
        parts.append(f"the committed files would be {item.verdict.word}")
    return f"{item.says}: {', '.join(parts) or 'left nothing to compare'}"
