"""Tensors of a torch file that share bytes: one tensor under two names, or views of one storage that overlap."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.artifacts._pickle_values import TensorRef


@dataclass(frozen=True, slots=True)
class Shared:
    """Names that share bytes with an earlier one, by name.

    ``twins`` are the same elements in the same shape (a head tied to its embedding), with the first name that has them;
    ``groups`` are all whose stretches of a storage overlap, each with the first name of its group, which is in it too.
    """

    twins: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)


def shared(refs: "Mapping[str, TensorRef]") -> Shared:
    """What is shared among a file's tensors; empty ones share nothing."""
    first: dict[tuple[object, ...], str] = {}
    twins: dict[str, str] = {}
    stretches: dict[str, list[tuple[int, int, str]]] = {}
    for name, ref in refs.items():
        if not ref.numel:
            continue
        known = first.setdefault(
            (ref.storage_key, ref.storage_offset, ref.shape, ref.stride, ref.dtype), name
        )
        if known != name:
            twins[name] = known
        stretches.setdefault(ref.storage_key, []).append((ref.storage_offset, ref.reach, name))
    groups: dict[str, str] = {}
    for some in stretches.values():
        if len(some) > 1:
            _overlapping(some, groups)
    order = {name: place for place, name in enumerate(refs)} if groups else {}
    heads: dict[str, str] = {}
    for name, mark in groups.items():
        heads[mark] = min(heads.get(mark, name), name, key=order.__getitem__)
    return Shared(twins, {name: heads[mark] for name, mark in groups.items()})


def _overlapping(stretches: list[tuple[int, int, str]], groups: dict[str, str]) -> None:
    """Put the names of stretches that overlap into ``groups``, each with the name of the one that begins first."""
    mark, end = "", -1
    for begin, stop, name in sorted(stretches):
        if begin < end:
            groups.setdefault(mark, mark)
            groups[name] = mark
            end = max(end, stop)
        else:
            mark, end = name, stop
