"""Following one stream through an adapter: which module was drawn next, and next, from the first word on."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from auditor.compare.initial._draws import Draws
from auditor.compare.initial._stream import Stream
from auditor.compare.initial._values import Match, Stored, Values, match, replayed

WORDS = 1 << 28
"""Words of a stream followed, at most (half a second); the whole gemma-3-4b shape with rank 16 draws 2**26."""
_CHOICES = 40
"""Modules that may come next, besides the first of every tower and block kind."""
_PER_KIND = 8
_FIRST, _PROMISING = 1024, 3.5
"""Elements of a neighbour looked at first, and the standard deviations that make it worth comparing."""
_CERTAIN = -60.0
"""Logarithm of the chance below which no other module is tried."""
PATIENCE = 3
"""Modules in a row that may be beyond recognition before the walk ends."""


@dataclass(slots=True)
class Walk:
    """What one stream explains: (module, first word, match) in the order drawn, and how many comparisons were made."""

    seed: int
    offset: int
    placed: list[tuple[Stored, int, Match]] = field(default_factory=list)
    tests: int = 0
    ended: bool = True
    """False when the walk stopped at its limit of words with modules left."""


def walk(
    seed: int,
    order: Sequence[Draws],
    values: Values,
    offset: int = 0,
    limit: int = WORDS,
    patience: int = PATIENCE,
) -> Walk:
    """Place as many modules as the stream explains, the first one at word ``offset``.

    The module expected next by ``order`` is tried first, then its neighbours; one that nothing explains is stepped over
    by the number of words it drew, ``patience`` in a row before the walk ends. Raises CannotRead.
    """
    stream, found = Stream(seed), Walk(seed, offset)
    left = {draws.module: draws for draws in order}
    lost = 0
    while left and lost < patience:
        if offset + next(iter(left.values())).total > limit:
            found.ended = False
            break
        stream.settle(offset)
        draws = _next(stream, left, values, found)
        lost = 0 if draws else lost + 1
        draws = draws or next(iter(left.values()))
        offset += draws.total
        del left[draws.module]
    return found


def _next(stream: Stream, left: dict[str, Draws], values: Values, found: Walk) -> Draws | None:
    """The module whose values come next in the stream, put on the walk; None when none is recognised."""
    start = stream.settled
    for choices in _choices(left):
        best: tuple[Stored, int, Match] | None = None
        for draws in choices:
            stored = values.of(draws)
            if stored is None or start + draws.total > WORDS:
                continue
            found.tests += 1
            if len(choices) > 1 and not _promising(stream, stored, start):
                continue
            seen = match(stored, replayed(stream, draws, start, stored.size))
            if seen.seen and (best is None or seen.chance < best[2].chance):
                best = stored, start, seen
            if best is not None and best[2].chance < _CERTAIN:
                break
        if best is not None:
            found.placed.append(best)
            return best[0].draws
    return None


def _promising(stream: Stream, stored: Stored, start: int) -> bool:
    """Whether the first values of a module are correlated at all: a look at a neighbour, cheaper than a comparison."""
    import numpy

    first = stored.beginning(_FIRST)
    if first.size < _FIRST:
        return True
    made = replayed(stream, stored.draws, start, _FIRST).astype(numpy.float64)
    norm = math.sqrt(float(first @ first))
    return float(first @ made) > _PROMISING * stored.draws.deviation * norm


def _choices(left: dict[str, Draws]) -> Iterator[Sequence[Draws]]:
    """The expected module alone, then those near it together with the first of other kinds, by their first word."""
    order = list(left.values())
    yield order[:1]
    near = {draws.module: draws for draws in order[1 : _CHOICES + 1]}
    for _, group in groupby(order[_CHOICES + 1 :], key=lambda d: d.module.partition(".layers.")[0]):
        near.update((draws.module, draws) for draws, _ in zip(group, range(_PER_KIND), strict=False))
        if len(near) > 2 * _CHOICES:
            break
    yield sorted(near.values(), key=lambda d: d.before)
