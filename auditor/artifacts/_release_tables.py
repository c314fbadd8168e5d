"""The keys that each release of PEFT and Transformers writes, out of ``tables/*.json``.

The tables are made by ``fixtures/versions/build.py`` from the source of the installed releases: a key's life is
a list of spans [first release, last release or null, JSON types, default where it is a literal].
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from auditor.model import VersionRange, version_key

_FOLDER = Path(__file__).parent / "tables"


@dataclass(frozen=True, slots=True)
class Dated:
    """A range of releases and the sentence that justifies it."""

    range: VersionRange
    why: str


@dataclass(frozen=True, slots=True)
class Impossible:
    """Two keys that no release writes together: ``old`` was last written by ``last``, ``new`` first by ``first``."""

    old: str
    last: str
    new: str
    first: str


@dataclass(frozen=True, eq=False)
class KeyTable:
    """The keys of one kind of file by release; ``releases`` are those read, oldest first.

    ``written[key]`` is a bit mask: bit i is set when ``releases[i]`` writes the key. ``types[key]`` are the JSON
    types that any release declares for it.
    """

    library: str
    releases: tuple[str, ...]
    written: Mapping[str, int]
    types: Mapping[str, tuple[str, ...]]

    @cached_property
    def sets(self) -> tuple[tuple[int, int, frozenset[str]], ...]:
        """(index of the first release, of the last, keys) for each stretch of releases with the same keys."""
        found: list[tuple[int, int, frozenset[str]]] = []
        for index in range(len(self.releases)):
            keys = frozenset(key for key, mask in self.written.items() if mask >> index & 1)
            if found and found[-1][2] == keys:
                found[-1] = (found[-1][0], index, keys)
            elif keys:
                found.append((index, index, keys))
        return tuple(found)

    def at(self, release: str) -> frozenset[str] | None:
        """The keys a release writes; None for a release outside the table or a development build."""
        if "dev" in release or version_key(release) > version_key(self.releases[-1]):
            return None
        index = max(
            (i for i, v in enumerate(self.releases) if version_key(v) <= version_key(release)), default=None
        )
        return (
            None
            if index is None
            else next((keys for low, high, keys in self.sets if low <= index <= high), None)
        )

    def first(self, key: str) -> str:
        """The oldest release read that writes a key of the table."""
        mask = self.written[key]
        return self.releases[(mask & -mask).bit_length() - 1]

    def last(self, key: str) -> str | None:
        """The newest release that writes a key; None when the newest one read does."""
        index = self.written[key].bit_length() - 1
        return None if index == len(self.releases) - 1 else self.releases[index]

    def since(self, key: str) -> tuple[int, ...]:
        """`first` as a key to sort by."""
        return version_key(self.first(key))

    def complete(self, held: frozenset[str]) -> bool:
        """Whether these are all keys of a release, or of a build between two."""
        return any(keys == held for _, _, keys in self.sets) or self._between(held) is not None

    def impossible(self, keys: Iterable[str]) -> Impossible | None:
        """The first two keys that no release writes together, by name; None when some release knows all.

        A key that ended with one release and a key that began with the next are no such pair: a build of the main
        branch in between may have had both (PEFT 0.3.0.dev0 wrote ``enable_lora`` and ``init_lora_weights``).
        """
        known = sorted(frozenset(keys) & self.written.keys())
        if self._allowed(known):
            return None
        for new in known:
            for old in known:
                last = self.last(old)
                if last and self.releases.index(self.first(new)) - self.releases.index(last) > 1:
                    return Impossible(old, last, new, self.first(new))
        return None

    def date(self, keys: Iterable[str], writes: str = "writes") -> Dated | None:
        """The releases that can have written a file with these keys; None when no key, or no release, is known.

        Presence is what counts: keys that a file lacks may have been dropped by hand, and keys the table does not
        know may be newer. An upper bound therefore needs exactly the keys of a release, the keys of a development
        build between two, or a key that later releases no longer have.
        """
        held = frozenset(keys)
        known = held & self.written.keys()
        allowed = self._allowed(known)
        if not known or not allowed:
            return None
        if held == known:
            exact = next((entry for entry in self.sets if entry[2] == held), None)
            if exact is not None:
                span = self._span(exact[0], exact[1])
                return Dated(span, f"exactly the {len(held)} keys that {self.library} {span} {writes}")
            between = self._between(held)
            if between is not None:
                return Dated(between, f"keys of a development build of {self.library} from {between}")
        return self._by_presence(known, allowed, len(held - known))

    def _by_presence(self, known: frozenset[str], allowed: int, unknown: int) -> Dated:
        low = (allowed & -allowed).bit_length() - 1
        high = allowed.bit_length() - 1
        newest = max(sorted(known), key=self.since)
        span = self._span(low, high)
        gone = next((key for key in sorted(known) if self.last(key) == self.releases[high]), None)
        reason = f"{unknown} keys are unknown" if unknown else "older keys are missing"
        upper = (
            f"`{gone}` was last written by {self.releases[high]}"
            if gone
            else f"no upper bound because {reason}"
        )
        if span.low is None:
            return Dated(span, f"no key is newer than {self.library} {self.releases[0]}; {upper}")
        return Dated(span, f"`{newest}` came with {self.library} {span.low}; {upper}")

    def _allowed(self, known: Iterable[str]) -> int:
        allowed = (1 << len(self.releases)) - 1
        for key in known:
            allowed &= self.written[key]
        return allowed

    def _span(self, low: int, high: int) -> VersionRange:
        """Open at an end of the table: older or newer releases than it holds may write the same keys."""
        newest = len(self.releases) - 1
        return VersionRange(
            self.releases[low] if low else None, self.releases[high] if high < newest else None
        )

    def _between(self, held: frozenset[str]) -> VersionRange | None:
        """Two neighbouring key sets of which these are a mixture: a build on the way from one to the other."""
        for older, newer in zip(self.sets, self.sets[1:], strict=False):
            if older[2] & newer[2] <= held <= older[2] | newer[2]:
                return VersionRange(self.releases[older[1]], self.releases[newer[1]])
        return None


@lru_cache
def table(library: str, *names: str) -> KeyTable:
    """The keys of the named classes (or PEFT methods) together. Raises KeyError for an unknown name."""
    raw = load(library)
    releases = tuple(raw["read"])
    index = {version: number for number, version in enumerate(releases)}
    written: dict[str, int] = {}
    types: dict[str, tuple[str, ...]] = {}
    for name in names:
        for key, spans in raw["classes"][name].items():
            for first, last, kinds, *_ in spans:
                end = len(releases) if last is None else index[last] + 1
                written[key] = written.get(key, 0) | (1 << end) - (1 << index[first])
                types[key] = tuple(sorted({*types.get(key, ()), *kinds.split(" or ")}))
    return KeyTable(_TITLES[library], releases, written, types)


@lru_cache
def load(library: str) -> Mapping[str, Any]:
    """A library's whole table as it lies on disk."""
    found: Mapping[str, Any] = json.loads((_FOLDER / f"{library}.json").read_text(encoding="utf-8"))
    return found


_TITLES = {"peft": "PEFT", "transformers": "Transformers"}
