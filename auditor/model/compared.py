"""What a comparison of two snapshots says: facts, changes, adapters, curves."""

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.model.files import Snapshot


@dataclass(frozen=True, slots=True)
class Fact:
    """One comparable value of a file. Numbers compare within ``rtol``/``atol`` (NumPy's meaning), sets as sets.

    ``ignorable`` facts (wall times, paths of the machine) are shown and never make two files differ.
    """

    value: object
    rtol: float = 0.0
    atol: float = 0.0
    ignorable: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that differs; ``kind`` is added, removed, changed or within tolerance."""

    key: str
    kind: str
    base: object
    head: object

    @property
    def within_tolerance(self) -> bool:
        """True when the values differ and the difference means nothing."""
        return self.kind == "within tolerance"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path in two snapshots.

    ``kind``: added, removed, modified, identical or unknown (the bytes are not here to tell).
    ``proof``: object id, lfs oid, bytes, parsed, or none.
    """

    path: str
    kind: str
    proof: str
    facts: tuple[Change, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ModuleUpdate:
    """One module's effective update dW = (alpha/r) B A in two adapters, Frobenius norms in weight units."""

    module: str
    base_norm: float
    head_norm: float
    relative_distance: float
    cosine: float


@dataclass(frozen=True, slots=True)
class AdapterComparison:
    """Two adapters compared by what they do, not by their factors.

    ``relation``: identical, equivalent (another basis of the same update), scaled, different, not comparable.
    ``relative_distance`` is |dW1 - dW2| / max(|dW1|, |dW2|) over all modules, Frobenius, float64.
    """

    base_path: str
    head_path: str
    relation: str
    relative_distance: float | None = None
    cosine: float | None = None
    scale: float | None = None
    modules: tuple[ModuleUpdate, ...] = ()
    why: str | None = None


@dataclass(frozen=True, slots=True)
class CurveComparison:
    """One scalar by step on both sides; points are (step, value), ordered by step."""

    tag: str
    base_path: str | None
    head_path: str | None
    base: tuple[tuple[int, float], ...]
    head: tuple[tuple[int, float], ...]
    first_difference: int | None
    max_gap: float | None


@dataclass(frozen=True, slots=True)
class Diff:
    """Two snapshots side by side. ``related_histories`` is None when a shallow clone cannot tell."""

    base: Snapshot
    head: Snapshot
    related_histories: bool | None
    files: tuple[FileChange, ...] = ()
    adapters: tuple[AdapterComparison, ...] = ()
    curves: tuple[CurveComparison, ...] = ()

    def of(self, path: str) -> FileChange | None:
        """The change of one path, or None."""
        return next((change for change in self.files if change.path == path), None)


Facts = Mapping[str, Fact]
