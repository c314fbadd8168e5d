"""How far one update is from the other divided by any number, told from one measurement while both are in memory."""

import math
from dataclasses import dataclass

from auditor.compare._factors import NotComparableError
from auditor.compare._measured import Measured
from auditor.compare._names import Match
from auditor.compare._relation import EQUIVALENT, alike
from auditor.compare._sides import Side, again
from auditor.errors import CannotRead

_WORTH_IT = 16 * EQUIVALENT
"""Squared relative distance of the head from the module's own multiple of the base, above which no common multiple can
pass: a head that is within 1e-3 of one multiple of every base is within 2e-3 of each base's own multiple."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """A module's squared norms, and the squared distance ``gap`` of the base from the head divided by ``k``.

    With W1 of the base, W2 of the head and d = 1/k - 1/m:
    |W1 - W2/m|^2 = gap + d k (|W1|^2 - |W2|^2/k^2 - gap) + d^2 |W2|^2, which loses nothing while m is near k.
    """

    base: float
    head: float
    gap: float
    k: float = 1.0
    base_noise: float = 0.0
    head_noise: float = 0.0

    def by(self, m: float) -> Measured:
        """The base beside the head divided by m."""
        d = 1 / self.k - 1 / m
        cross = self.k * (self.base - self.head / self.k**2 - self.gap)
        gap = self.gap + d * cross + d * d * self.head
        noises = self.base_noise, self.head_noise / m**2
        return Measured(self.base, self.head / m**2, gap, False, *noises)


def as_measured(found: Measured) -> Scaled:
    """What one measurement tells."""
    return Scaled(found.base, found.head, found.gap, 1.0, found.base_noise, found.head_noise)


def own_multiple(found: Measured) -> float | None:
    """The head's length over the base's, where it is worth asking whether the head is that multiple; else None."""
    if not found.base or not found.head or alike(found):
        return None
    k = math.sqrt(found.head / found.base)
    return None if k * found.gap - k * found.base * (1 - k) ** 2 > _WORTH_IT * found.head else k


def scaled(one: Side, two: Side, match: Match, found: Measured) -> Scaled:
    """Measure once more at the module's own multiple, where that is near enough to be asked for."""
    k = own_multiple(found)
    if k is None:
        return as_measured(found)
    try:
        closer = again(one, two, match, k)
    except (NotComparableError, CannotRead):
        return as_measured(found)
    return Scaled(found.base, found.head, closer.gap, k, found.base_noise, found.head_noise)
