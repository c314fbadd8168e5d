"""The weights of one side, in one file or in shards, as one set of names; what is missing is said and not guessed."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from auditor.artifacts._safetensors import TensorInfo, shown
from auditor.artifacts.adapter_weights import AdapterWeights
from auditor.artifacts.model_weights import SHARD
from auditor.artifacts.weight_index import WeightIndex
from auditor.model import Digest, name_of

_SHARDS = 10_000
"""Shards of one side, at most; the largest models have some 200."""
_SAID = 20
"""Sentences about one side, at most."""


@dataclass(frozen=True, slots=True)
class WeightSet:
    """The weight files of one side.

    ``problems`` are sentences: a tensor in two shards, a shard that is missing or lies outside. ``missing`` tells
    for tensors of the index where they should be. ``complete`` is whether a name that is not here is nowhere. ``twice``
    says of tensors that lie in two files that they do: loaders take the first or the last of them.
    """

    files: tuple[AdapterWeights, ...]
    problems: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True
    twice: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        files: Sequence[AdapterWeights],
        index: WeightIndex | None = None,
        unread: Mapping[str, str] | None = None,
    ) -> "WeightSet":
        """Put shards together. ``unread`` are paths that could not be read, with the reason ("is empty")."""
        known = {
            name_of(path): f"{path}{':' if reason.startswith('its ') else ''} {reason}"
            for path, reason in (unread or {}).items()
        }
        absent = _absent(files, index, known)
        twice = dict(_twice(files))
        problems = itertools.chain(absent.values(), twice.values(), _misplaced(files, index))
        missing = {
            name: absent[shard]
            for name, shard in (index.weight_map.items() if index is not None else ())
            if shard in absent
        }
        held = {name for item in files for name in item.tensors}
        return cls(
            tuple(files),
            tuple(_few(problems)),
            {name: why for name, why in missing.items() if name not in held},
            not absent,
            twice,
        )

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """All tensors; of a name in two shards, the first shard's."""
        return {name: item.tensors[name] for name, item in self.places().items()}

    def places(self) -> Mapping[str, AdapterWeights]:
        """The file of each tensor, in the order of the files."""
        found: dict[str, AdapterWeights] = {}
        for item in self.files:
            for name in item.tensors:
                found.setdefault(name, item)
        return found

    def last_places(self) -> Mapping[str, AdapterWeights]:
        """The file that holds a tensor last, of those in two files."""
        return {name: item for item in self.files for name in item.tensors if name in self.twice}

    def why_absent(self, name: str) -> str | None:
        """Why a name that is not here need not be missing; None when this side is known completely."""
        if name in self.missing:
            return self.missing[name]
        if self.complete:
            return None
        return f"tensor {shown(name)} is on one side only, and shards of the other are not here"

    @property
    def identities(self) -> tuple[Digest, ...] | None:
        """The digests of all files in order; None when one has none or the set is not whole."""
        found = tuple(item.identity for item in self.files if item.identity is not None)
        return found if len(found) == len(self.files) and found and not self.problems else None


def as_set(weights: "AdapterWeights | WeightSet") -> WeightSet:
    """One file as a set; a set as it is."""
    return weights if isinstance(weights, WeightSet) else WeightSet((weights,))


def _absent(
    files: Sequence[AdapterWeights], index: WeightIndex | None, unread: Mapping[str, str]
) -> Mapping[str, str]:
    """Why a shard is not among the files, by its name: from the index, else from the numbers in the names."""
    found = dict(unread)
    here = {name_of(item.path) for item in files}
    for name in index.shards if index is not None else _numbered(here):
        if name in here or name in found:
            continue
        if "/" in name or "\\" in name or name in ("", ".", ".."):
            found[name] = f"the index names the shard {shown(name)}, which does not lie beside it"
        else:
            found[name] = f"the shard {shown(name)} is missing"
    return found


def _numbered(names: Iterable[str]) -> Iterator[str]:
    """Names of all shards of the sets that these names belong to, as far as they can be true."""
    sets = {(m["stem"], m["total"], m["end"]) for name in names if (m := SHARD.match(name))}
    listed = (
        f"{stem}-{number:05d}-of-{total}.{end}"
        for stem, total, end in sorted(sets)
        for number in range(1, int(total) + 1)
    )
    return itertools.islice(listed, _SHARDS)


def _twice(files: Sequence[AdapterWeights]) -> Iterator[tuple[str, str]]:
    """Tensors that a file before held too, with the sentence."""
    first: dict[str, str] = {}
    for item in files:
        for name in item.tensors:
            if name in first:
                files_of_it = f"{first[name]} and in {item.path}"
                yield name, f"tensor {shown(name)} is in {files_of_it}, and loaders differ in which they take"
            else:
                first[name] = item.path


def _misplaced(files: Sequence[AdapterWeights], index: WeightIndex | None) -> Iterator[str]:
    """Tensors of the index that the shard named there does not hold."""
    held = {name_of(item.path): item.tensors for item in files}
    for name, shard in index.weight_map.items() if index is not None else ():
        if shard in held and name not in held[shard]:
            yield f"the index names {shown(shard)} for tensor {shown(name)}, which is not there"


def _few(sentences: Iterable[str]) -> Iterator[str]:
    rest = iter(sentences)
    yield from itertools.islice(rest, _SAID)
    if left := sum(1 for _ in rest):
        yield f"and {left:,} more of the kind"
