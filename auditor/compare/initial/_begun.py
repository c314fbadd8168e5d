"""Modules whose first numbers are known, and whether what they hold now is another basis of the same update."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.initial._draws import Draws
from auditor.compare.initial._stream import Stream
from auditor.compare.initial._values import Match, Stored, replayed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST = 1 << 22
"""Numbers of a module that are replayed at once, at most (32 MB as float64)."""
_NEAR = 0.5
"""Most by which the matrix of another basis may differ from the identity while a lora_A counts as recognisable."""
_SHARES = (1.0, 0.25, 0.05, 0.01)
"""Shares of a row's numbers that are looked at together: all for a shift, few for an edit of single columns."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A module whose kept tensor began with the numbers that ``seed`` draws from the word ``start`` on.

    ``seen`` compares the first ``elements`` of it; ``seen.moved`` is how far the furthest of them lies from where it
    began. ``precision`` is the smallest type that holds them all, ``untrained`` says that the other factor is zero.
    """

    seed: int
    draws: Draws
    start: int
    seen: Match
    elements: int
    precision: str
    untrained: bool

    @classmethod
    def of(cls, seed: int, stored: Stored, start: int, seen: Match) -> Self:
        """Without the numbers themselves, which many modules would keep in memory."""
        size = stored.size
        return cls(seed, stored.draws, start, seen, size, stored.precision, stored.untrained)

    @property
    def module(self) -> str:
        """The module's name in the base model."""
        return self.draws.module

    @property
    def tensor(self) -> str:
        """The name of the tensor that was drawn: lora_A of a layer, lora_embedding_B of an embedding."""
        return self.draws.kept.name

    @property
    def is_still(self) -> bool:
        """Whether every number looked at is the one that was drawn, in a precision that training would have moved.

        Numbers that 16 bits hold may stand still honestly: a step smaller than half an ulp is rounded away. Normal
        draws are replayed to seven digits only.
        """
        return self.seen.equal and self.precision == "F32" and self.draws.kind == "uniform"


def moved_in_any_basis(begun: Begun, weights: AdapterWeights) -> float:
    """How far a module's lora_A moved, at least, whichever basis of the same update the file holds it in.

    ``M (A + D)`` and ``B M^-1`` make the same update as ``A + D`` and ``B``, so a distance from A alone proves no
    movement. A row of M is found by least squares over that row of the tensor; what it leaves, R = M D (1 - P) with P
    the projection on the rows of A, holds no basis. For every row of R and every sign vector s, R s = M D (1 - P) s is
    at most the sum of the row of |M|, times the largest number of D, times the sum of |(1 - P) s|: the largest quotient
    over a few s is what D holds at least. Only the numbers that ``begun.seen`` compared are looked at: whole rows, then
    the beginning of the last one. 0.0 where M is far from the identity, where there are fewer columns than twice the
    rows, or where the tensor is too large to replay. Raises CannotRead.
    """
    import numpy

    draws = begun.draws
    rows, elements = draws.kept.shape[0], draws.kept.elements
    if elements > _MOST or draws.last or elements < 2 * rows * rows:
        return 0.0
    first = replayed(Stream(begun.seed), draws, begun.start, elements).astype(numpy.float64).reshape(rows, -1)
    flat = next(weights.chunks(draws.kept.name, begun.elements)).astype(numpy.float64)
    whole, rest = divmod(flat.size, first.shape[1])
    found = _in_rows(first, flat[: flat.size - rest].reshape(whole, -1), 0) if whole else 0.0
    if found is None or rest < 2 * rows:
        return found or 0.0
    last = _in_rows(first[:, :rest], flat[flat.size - rest :].reshape(1, -1), whole)
    return 0.0 if last is None else max(found, last)


def _in_rows(first: "NDArray[Any]", now: "NDArray[Any]", row: int) -> float | None:
    """The least movement that some rows of a tensor show, ``row`` on; None where their basis is far from the first."""
    import numpy

    matrix = _basis(first, now)
    one = numpy.eye(len(first))[row : row + len(now)]
    if matrix is None or float(numpy.abs(matrix - one).max()) > _NEAR:
        return None
    rest = now - matrix @ first
    sums = numpy.maximum(numpy.abs(matrix).sum(axis=1), 1.0)
    return max(_least(rest, first, sums, share) for share in _SHARES)


def _least(rest: "NDArray[Any]", first: "NDArray[Any]", sums: "NDArray[Any]", share: float) -> float:
    """The largest quotient over the rows, s being the signs of the largest ``share`` of each row's numbers."""
    import numpy

    size = numpy.abs(rest)
    least = numpy.quantile(size, 1 - share, axis=1, keepdims=True)
    signs = numpy.where(size >= least, numpy.sign(rest), 0.0)
    left = signs - _basis_or_zero(first, signs) @ first
    widths = numpy.abs(left).sum(axis=1)
    found = numpy.divide(
        (rest * signs).sum(axis=1), sums * widths, where=widths > 0, out=numpy.zeros(len(rest))
    )
    return float(found.max())


def _basis_or_zero(first: "NDArray[Any]", rows: "NDArray[Any]") -> "NDArray[Any]":
    import numpy

    found = _basis(first, rows)
    return numpy.zeros((len(rows), len(first))) if found is None else found


def _basis(first: "NDArray[Any]", now: "NDArray[Any]") -> "NDArray[Any] | None":
    """M of ``now = M first`` by least squares; None where it is not determined."""
    import numpy

    if not numpy.isfinite(now).all():
        return None
    try:
        made: NDArray[Any] = numpy.linalg.solve(first @ first.T, first @ now.T).T
    except numpy.linalg.LinAlgError:
        return None
    return made
