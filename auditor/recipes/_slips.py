"""Which keys and values of a configuration look like slips, by its platform's vocabulary; and what is not judged."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from auditor.recipes._base import Stated
from auditor.recipes._near import ELSEWHERE, near
from auditor.recipes._types import fits, is_placeholder, number_in
from auditor.recipes._vocabulary import ENTRY, MAPS, Leaves, Vocabulary

STRANGERS = 8
"""One unknown key in so many is still a platform's own file."""
MOST_JUDGED = 1000
"""So many unknown keys are held against the known ones, which takes a quarter of a millisecond each."""
_NAMED = 6
"""At most so many objects are named that are not looked into."""


@dataclass(frozen=True, slots=True)
class Slips:
    """The fields of that name of a Recipe."""

    unknown: tuple[Stated, ...]
    misspelt: tuple[tuple[Stated, str], ...]
    mistyped: tuple[tuple[Stated, str], ...]
    suspicious: tuple[Stated, ...]
    unjudged: tuple[str, ...]


def slips(leaves: Leaves, book: Vocabulary, *, yaml: bool) -> Slips:
    """Judge every key and value.

    A file of many strangers is another program's or a newer release's: its spelling and types are not judged.
    """
    unknown = dict(_unknown(leaves, book))
    free = book.open_groups | book.loose_groups
    strangers = sum(book.general(book.split(where)[0][:-1]) not in free for where in unknown)
    foreign = book.documented and strangers > max(2, len(leaves) // STRANGERS)
    judged: Leaves = {} if foreign else leaves
    spelt = {} if foreign else dict(islice(unknown.items(), MOST_JUDGED))
    unjudged = _too_strange(strangers, len(leaves), book) if foreign else _not_entered(leaves, book)
    if len(spelt) < len(unknown) and not foreign:
        unjudged += (
            f"only the first {MOST_JUDGED:,} of {len(unknown):,} unknown keys are held against known ones",
        )
    return Slips(
        unknown=tuple(unknown.values()),
        misspelt=tuple(_misspelt(spelt, leaves, book)),
        mistyped=tuple(_mistyped(judged, book, yaml)),
        suspicious=tuple(
            stated for where, stated in judged.items() if _is_suspicious(where, stated.value, book)
        ),
        unjudged=unjudged,
    )


def _unknown(leaves: Leaves, book: Vocabulary) -> Iterator[tuple[str, Stated]]:
    known = book.types()
    for where, stated in leaves.items():
        kind = book.general(where)
        if kind not in known and kind not in book.meaning and kind not in book.kept:
            yield where, Stated(stated.value, stated.member, where.replace("/", ".").replace("~1", "/"))


def _misspelt(
    unknown: Mapping[str, Stated], leaves: Leaves, book: Vocabulary
) -> Iterator[tuple[Stated, str]]:
    """Unknown keys that resemble a known key of their group, or that another platform has for the same thing.

    Where the key in question stands there as well, the unknown one is taken for a newer release's.
    """
    places = {*book.types(), *book.meaning, *book.kept, *book.groups}
    siblings = _by_group(places, book) if unknown else {}
    for where, stated in unknown.items():
        prefix, key = book.split(where)
        group = book.general(prefix[:-1]) + prefix[-1:]
        inside = siblings.get(group, [])
        if group[:-1] in book.open_groups:
            continue
        likely = near(key, inside) or _elsewhere(key, group, inside, book)
        if likely is not None and not (book.documented and prefix + likely in leaves):
            yield stated, likely


def _by_group(places: Iterable[str], book: Vocabulary) -> Mapping[str, list[str]]:
    """The keys of every group, in alphabetical order."""
    found: dict[str, list[str]] = {}
    for place in sorted(places):
        group, key = book.split(place)
        if key != ENTRY:
            found.setdefault(group, []).append(key)
    return found


def _elsewhere(key: str, group: str, inside: Iterable[str], book: Vocabulary) -> str | None:
    canonical = ELSEWHERE.get(key)
    if canonical is None:
        return None
    return next((name for name in inside if book.meaning.get(group + name) == canonical), None)


def _mistyped(leaves: Leaves, book: Vocabulary, yaml: bool) -> Iterator[tuple[Stated, str]]:
    """Values of another type than their key takes; in YAML a text may spell a number (2e-4 is a text to PyYAML)."""
    types = book.types()
    for where, stated in leaves.items():
        kind = book.general(where)
        wanted = types.get(kind, "any")
        if kind in book.lenient or fits(stated.value, wanted) or _is_suspicious(where, stated.value, book):
            continue
        if not (yaml and number_in(stated.value, wanted) is not None) and not is_placeholder(stated.value):
            yield stated, wanted


_LOOKS_LIKE_OTHER = frozenset({"None", "null", "Null", "NULL", "true", "false", "True", "False", ""})
"""Strings that stand for null or a boolean in another language; lower-case "none" is a value of `bias`."""
_BOOLEAN = frozenset({"true", "false"})


def _is_suspicious(where: str, value: object, book: Vocabulary) -> bool:
    """A platform of public source that turns "false" into false is not suspected of the contrary."""
    kind = book.general(where)
    if not isinstance(value, str) or value not in _LOOKS_LIKE_OTHER or kind in book.free_text:
        return False
    if not book.documented:
        return True
    wanted = book.types().get(kind, "any").split("|")
    if value.lower() in _BOOLEAN:
        return not book.converts and "boolean" in wanted and "string" not in wanted
    return value != "" and "any" not in wanted


def _too_strange(strangers: int, keys: int, book: Vocabulary) -> tuple[str, ...]:
    sentence = (
        f"{strangers} of {keys} keys are unknown to {book.platform}, so that the file may be another program's or a "
        "newer release's: its keys and types are not checked"
    )
    return (sentence,)


def _not_entered(leaves: Leaves, book: Vocabulary) -> tuple[str, ...]:
    """The vocabulary's own sentences, and one on the objects that are values to it."""
    found = [
        stated.key
        for stated in leaves.values()
        if book.documented and stated.key not in MAPS and _holds_object(stated.value)
    ]
    objects = list(dict.fromkeys(found))
    if not objects:
        return book.unjudged
    more = f" and {len(objects) - _NAMED} more" if len(objects) > _NAMED else ""
    return (*book.unjudged, f"what stands inside {', '.join(objects[:_NAMED])}{more} is not checked")


def _holds_object(value: object) -> bool:
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, dict) and item for item in items)
