"""The words for two adapters or checkpoints side by side."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.model.compared import AdapterComparison, Change
from auditor.model.snapshot import Unread


@dataclass(frozen=True, slots=True)
class TensorRow:
    """One tensor on both sides, as numbers. ``first`` is the flat index of the first element that differs.

    ``ulp`` is the largest distance in units in the last place, None where the dtypes differ or it was not measured;
    ``why`` says why nothing was compared.
    """

    name: str
    base_dtype: str | None = None
    head_dtype: str | None = None
    base_shape: tuple[int, ...] | None = None
    head_shape: tuple[int, ...] | None = None
    elements: int | None = None
    differing: int | None = None
    first: int | None = None
    max_abs: float | None = None
    relative_l2: float | None = None
    cosine: float | None = None
    ulp: int | None = None
    sign_flips: int | None = None
    base_nan: int | None = None
    head_nan: int | None = None
    base_inf: int | None = None
    head_inf: int | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One side of a comparison: the snapshot, its commit, and the folder looked at in it ("" is its root)."""

    snapshot: str
    commit: str | None = None
    folder: str = ""
    path: str | None = None


@dataclass(frozen=True, slots=True)
class InspectionComparison:
    """Two adapters or checkpoints side by side: ``says`` is the relation in one sentence.

    ``facts`` are what the configurations and states of both sides say differently, by file name. ``proof`` is
    "numbers" where ``tensors`` were compared, or what proves both files equal without; None where nobody asked.
    ``notes`` are sentences about tensors that could not be compared, or were compared as bytes only.
    """

    base: Place
    head: Place
    says: str
    comparison: AdapterComparison
    facts: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)
    tensors: tuple[TensorRow, ...] = ()
    proof: str | None = None
    notes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
