"""Putting together what several files say about one library's release."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeGuard

from auditor.evidence._say import contradicted, verified
from auditor.model import Evidence, VersionRange, version_key


@dataclass(frozen=True, slots=True)
class Bound:
    """What one file says about the release that wrote it.

    ``firm`` is False for a conclusion that rests on a declared setting or on a habit of platforms: it narrows
    the range where it fits and contradicts nothing.
    """

    range: VersionRange
    why: str
    path: str
    firm: bool = True


LONGEST = 40
"""Characters of a version that are believed; ``0.18.1.dev0`` has eleven, a commit behind "@" is not counted."""


def plausible(version: object) -> TypeGuard[str]:
    """Whether a value that a file holds is the name of a release: short, and it begins with a number above 0."""
    return (
        isinstance(version, str)
        and len(version.partition("@")[0]) <= LONGEST
        and any(version_key(version[:LONGEST]))
    )


def combine(claim: str, library: str, bounds: Sequence[Bound]) -> Iterator[Evidence]:
    """One evidence about a derived version claim: the intersection, or the first pair that excludes each
    other.
    """
    firm = [bound for bound in bounds if bound.firm]
    for one, other in combinations(firm, 2):
        if one.range.intersect(other.range) is None:
            yield _conflict(claim, library, one, other)
            return
    used: list[Bound] = []
    span = VersionRange(None, None)
    for bound in (*firm, *(bound for bound in bounds if not bound.firm)):
        narrowed = span.intersect(bound.range)
        if narrowed is not None:
            span = narrowed
            used.append(bound)
    if span.low is None and span.high is None:
        return
    telling = [bound for bound in used if _sets_an_end(bound.range, span)]
    detail = "; ".join(f"{bound.path}: {bound.why}" for bound in telling)
    paths = tuple(dict.fromkeys(bound.path for bound in telling))
    yield verified(claim, f"the files were written by {library} {span}", detail, span, *paths)


def _sets_an_end(one: VersionRange, span: VersionRange) -> bool:
    return (one.low is not None and one.low == span.low) or (one.high is not None and one.high == span.high)


def _conflict(claim: str, library: str, one: Bound, other: Bound) -> Evidence:
    says = (
        f"{one.path} was written by {library} {one.range}, {other.path} by {library} {other.range}: "
        "no release can have written both"
    )
    if one.path == other.path:
        says = f"{one.path} holds what {library} {one.range} writes beside what {library} {other.range} does"
    detail = f"{one.path}: {one.why}; {other.path}: {other.why}"
    return contradicted(claim, says, detail, None, one.path, other.path)
