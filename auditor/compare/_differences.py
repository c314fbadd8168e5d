"""How two tensors, and two sets of tensors, differ."""

import math
from dataclasses import dataclass

from auditor.compare._sums import Sums


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """One tensor on both sides. Distances are over elements that are finite on both.

    ``max_abs`` is the largest |base - head|; ``relative_l2`` is |base - head| / max(|base|, |head|),
    Euclidean; ``cosine`` is 1.0 for two zero tensors and 0.0 for one. ``max_ulp`` is how many numbers of the dtype lie
    between the two that are farthest apart, counting one end; None where dtypes differ, for integers, and where codes
    were not at hand. ``sign_flips`` counts pairs of opposite sign. ``first`` is the flat index of the first element
    that differs (NaN equals NaN, -0.0 equals 0.0), None when there is none. ``unread`` says why nothing was compared.
    """

    name: str
    elements: int
    differing: int = 0
    first: int | None = None
    max_abs: float = 0.0
    relative_l2: float = 0.0
    cosine: float = 1.0
    sign_flips: int = 0
    base_nan: int = 0
    base_inf: int = 0
    head_nan: int = 0
    head_inf: int = 0
    unread: str | None = None
    max_ulp: int | None = None

    @property
    def equal(self) -> bool:
        """Whether every element is the same number."""
        return self.unread is None and not self.differing


@dataclass(frozen=True, slots=True)
class WeightsDifference:
    """Two sets of weights. ``reshaped`` are names whose dtype or shape changed, as (name, base, head).

    ``proof`` is "equal sha256" (or another digest), "equal bytes" or "numbers". ``tensors`` are those that have one
    shape on both sides, in the order of the base; empty when the proof is of equal files. ``notes`` are sentences
    about what could not be compared, or was compared as bytes; the rest is compared all the same.
    """

    proof: str
    only_base: tuple[str, ...] = ()
    only_head: tuple[str, ...] = ()
    reshaped: tuple[tuple[str, str, str], ...] = ()
    tensors: tuple[TensorDifference, ...] = ()
    notes: tuple[str, ...] = ()
    complete: bool = True
    """Whether every tensor of both sides was at hand."""
    parts: frozenset[str] = frozenset()
    """Scales and states of weights stored in 4 bits, which are compared with them and not on their own."""

    @property
    def equal(self) -> bool:
        """Whether both sides were read completely and hold the same tensors with the same numbers."""
        return (
            self.complete
            and not (self.only_base or self.only_head or self.reshaped)
            and all(t.equal for t in self.tensors)
        )


def difference(name: str, total: Sums) -> TensorDifference:
    """What the sums of a tensor say of it."""
    if not math.isfinite(total.aa + total.bb + total.dd):
        return TensorDifference(name, total.elements, unread="holds numbers too large for their squares")
    norm, other = math.sqrt(total.aa), math.sqrt(total.bb)
    largest = max(norm, other)
    cosine = float(norm == other == 0)
    if norm and other:
        cosine = max(-1.0, min(1.0, total.ab / norm / other))
    return TensorDifference(
        name,
        total.elements,
        total.differing,
        total.first,
        total.max_abs,
        math.sqrt(total.dd) / largest if largest else 0.0,
        cosine if total.dd else 1.0,
        total.sign_flips,
        base_nan=total.nan[0],
        base_inf=total.inf[0],
        head_nan=total.nan[1],
        head_inf=total.inf[1],
        max_ulp=total.max_ulp,
    )
