"""Modules whose first numbers are known, and whether what they hold now is another basis of the same update."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.compare.initial._stream import Stream
from auditor.compare.initial._values import Match, Stored, replayed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST = 1 << 22
"""Numbers of a module that are replayed at once, at most (32 MB as float64)."""
_NEAR = 0.25
"""Most by which the matrix of another basis may differ from the identity while a lora_A counts as recognisable."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A module whose kept tensor began with the numbers that ``seed`` draws from the word ``start`` on.

    ``seen`` compares the first ``stored.values`` of it; ``seen.moved`` is how far the furthest of them lies from where
    it began.
    """

    seed: int
    stored: Stored
    start: int
    seen: Match

    @property
    def module(self) -> str:
        """The module's name in the base model."""
        return self.stored.draws.module

    @property
    def tensor(self) -> str:
        """The name of the tensor that was drawn: lora_A of a layer, lora_embedding_B of an embedding."""
        return self.stored.draws.kept.name

    @property
    def is_still(self) -> bool:
        """Whether every number looked at is the one that was drawn, in a precision that training would have moved.

        Numbers that 16 bits hold may stand still honestly: a step smaller than half an ulp is rounded away.
        """
        return self.seen.equal and self.stored.precision == "F32"


def moved_in_any_basis(begun: Begun, weights: AdapterWeights) -> float:
    """How far a module's lora_A moved, at least, whichever basis of the same update the file holds it in.

    ``M (A + D)`` and ``B M^-1`` make the same update as ``A + D`` and ``B``, so a distance from A alone proves no
    movement. M is found by least squares over the whole tensor; what it leaves is at most D times the sum of a row of
    |M|, so the quotient is a lower end of the largest number of D, up to the part of D that lies in the rows of A (r of
    in dimensions). 0.0 where M is far from the identity, where there are fewer columns than twice the rows, or where
    the tensor is too large to replay. Raises CannotRead.
    """
    import numpy

    kept = begun.stored.draws.kept
    columns = kept.elements // kept.shape[0]
    whole = kept.elements - begun.stored.draws.last
    if kept.elements > _MOST or whole < kept.elements or columns < 2 * kept.shape[0]:
        return 0.0
    first = replayed(Stream(begun.seed), begun.stored.draws, begun.start, whole).astype(numpy.float64)
    first = first.reshape(kept.shape[0], columns)
    now = weights.array(kept.name).astype(numpy.float64).reshape(first.shape)
    matrix = _basis(first, now)
    if matrix is None or float(numpy.abs(matrix - numpy.eye(len(matrix))).max()) > _NEAR:
        return 0.0
    rest = numpy.abs(now - matrix @ first).max(axis=1) / numpy.abs(matrix).sum(axis=1)
    return float(rest.max())


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
