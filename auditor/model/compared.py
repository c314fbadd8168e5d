"""What a comparison of two snapshots says: facts, changes, adapters, curves."""

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.model.files import Fact
from auditor.model.snapshot import Snapshot


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
    """One module's effective update dW = (alpha/r) B A in two adapters, Frobenius norms in weight units.

    ``magnitude_distance`` is that of DoRA's magnitude vectors, relative as ``relative_distance`` is; None without.
    """

    module: str
    base_norm: float
    head_norm: float
    relative_distance: float
    cosine: float
    magnitude_distance: float | None = None


@dataclass(frozen=True, slots=True)
class UncomparedModule:
    """One module whose updates could not be measured; ``why`` is one clause that names the file and the reason."""

    module: str
    why: str


@dataclass(frozen=True, slots=True)
class AdapterComparison:
    """Two adapters compared by what they do, not by their factors.

    ``relation``: identical, equivalent (another basis of the same update), scaled (by ``scale``), subset (the
    modules of one side are some of the other's, equal there, and the rest is absent or zero), different, not
    comparable. ``relative_distance`` is |dW1 - dW2| / max(|dW1|, |dW2|) over all ``modules``, Frobenius, float64;
    ``uncompared`` modules are not in it. ``renamed`` counts tensors that have another name on the other side.
    """

    base_path: str
    head_path: str
    relation: str
    relative_distance: float | None = None
    cosine: float | None = None
    scale: float | None = None
    modules: tuple[ModuleUpdate, ...] = ()
    why: str | None = None
    uncompared: tuple[UncomparedModule, ...] = ()
    renamed: int = 0

    @property
    def farthest(self) -> ModuleUpdate | None:
        """The module that differs most, by relative distance, then by its length; None when none differs."""
        moved = [m for m in self.modules if m.relative_distance > 0 or (m.magnitude_distance or 0) > 0]
        return max(moved, key=_difference, default=None)

    @property
    def sentence(self) -> str:
        """The relation with its figures in words, without ``why``."""
        return relation_in_words(self)


def _difference(item: ModuleUpdate) -> tuple[float, float, float]:
    return item.relative_distance, item.magnitude_distance or 0.0, max(item.base_norm, item.head_norm)


def relation_in_words(item: AdapterComparison) -> str:
    """One clause: the relation, how far apart the updates are, and in which module most."""
    parts = [_relation(item)]
    if item.renamed:
        parts.append(f"{item.renamed} name{'s differ' if item.renamed > 1 else ' differs'}, same modules")
    if item.uncompared:
        count = len(item.uncompared)
        parts.append(f"{count} module{'s' if count > 1 else ''} not compared")
    return "; ".join(parts)


def _relation(item: AdapterComparison) -> str:
    if item.relation == "equivalent" and item.relative_distance is not None:
        return (
            f"equivalent: the same update from other factors (relative distance {item.relative_distance:.2g})"
        )
    if item.relation == "scaled" and item.scale is not None:
        return f"scaled by {item.scale:.6g}: the head's update is the base's times that"
    if item.relation == "subset":
        return _subset(item)
    if item.relation == "different" and item.relative_distance is not None:
        return f"different: {_distances(item)}"
    return item.relation


def _distances(item: AdapterComparison) -> str:
    if not item.relative_distance and item.modules:
        return "what could be measured is equal"
    parts = [f"relative distance {item.relative_distance:.3g}, cosine {item.cosine or 0.0:.6g}"]
    if item.scale and f"{item.scale:.3g}" != "1":
        parts.append(f"the head {item.scale:.3g} times as long")
    if len(item.modules) > 1 and (most := item.farthest) is not None:
        parts.append(f"most in {most.module} ({most.relative_distance:.3g})")
    return ", ".join(parts)


def _subset(item: AdapterComparison) -> str:
    """Which side has less: all modules that one side alone has are of the other."""
    shared = sum(bool(m.base_norm) and bool(m.head_norm) for m in item.modules)
    alone = [m for m in item.modules if bool(m.base_norm) != bool(m.head_norm)]
    less, more = ("head", "base") if any(m.base_norm for m in alone) else ("base", "head")
    return (
        f"subset: {shared} of the {shared + len(alone)} modules that the {more} updates are equal in the {less}, "
        f"which has no update of the others"
    )


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
