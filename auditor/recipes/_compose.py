"""The one way from a parsed configuration and a platform's vocabulary to a Recipe."""

from collections.abc import Iterator, Mapping

from auditor.artifacts._fields import member
from auditor.recipes._base import Recipe, Stated
from auditor.recipes._slips import slips
from auditor.recipes._types import is_placeholder, number_in
from auditor.recipes._vocabulary import ENTRY, Leaves, Vocabulary

_NOTHING = ("", "none", "null", "false")
_NOBODY = Stated(None, "", "")


def compose(book: Vocabulary, path: str, raw: Mapping[str, object], *, record: bool) -> Recipe:
    """Say a parsed configuration in the trainer's language."""
    leaves = dict(_leaves(raw, book))
    settings, duplicates = _settled(leaves, book, raw)
    for name, stated in book.derived(leaves):
        settings.setdefault(name, stated)
    trainer = book.trainer(raw)
    found = slips(leaves, book, yaml=not path.lower().endswith(".json"))
    return Recipe(
        path=path,
        platform=book.platform,
        settings=settings,
        unknown=found.unknown,
        raw=raw,
        trainer=trainer,
        duplicates=tuple(duplicates),
        suspicious=found.suspicious,
        inert=tuple(stated for where, stated in leaves.items() if book.inert(where, stated.value, trainer)),
        record=record,
        documented=book.documented,
        decides=book.decides,
        misspelt=found.misspelt,
        mistyped=found.mistyped,
        converts=book.converts,
        unjudged=found.unjudged,
        unread=() if record else tuple(_unread(leaves, book, raw)),
    )


def _unread(
    leaves: Leaves, book: Vocabulary, raw: Mapping[str, object]
) -> Iterator[tuple[str, tuple[Stated, ...]]]:
    """Keys that ask for something which the declared mode does not give."""
    for mode, places in book.unread(raw):
        found = tuple(
            stated for place in places if (stated := leaves.get(place)) is not None and _asks(stated.value)
        )
        if found:
            yield mode, found


def _asks(value: object) -> bool:
    if isinstance(value, str):
        return value.lower() not in _NOTHING and not is_placeholder(value)
    return bool(value)


def _leaves(
    raw: Mapping[str, object], book: Vocabulary, where: str = "", pointer: str = ""
) -> Iterator[tuple[str, Stated]]:
    """Every key with its place; objects and lists are entered only where the vocabulary has a group."""
    for key, value in raw.items():
        # A slash inside a key must not look like a group.
        part, at = key.replace("/", "~1"), member(key, pointer)
        place = f"{where}/{part}" if where else part
        inside = list(_inside(value, book, place, at))
        for entry, entry_place, entry_at in inside:
            yield from _leaves(entry, book, entry_place, entry_at)
        if not inside:
            yield place, Stated(value, at, key, inverse=place in book.inverse)


def _inside(
    value: object, book: Vocabulary, place: str, at: str
) -> Iterator[tuple[Mapping[str, object], str, str]]:
    """The objects of which a value consists, with place and pointer: itself, or the entries of a list."""
    kind = book.general(place)
    if isinstance(value, dict) and kind in book.groups:
        yield value, place, at
    elif isinstance(value, list) and f"{kind}/{ENTRY}" in book.groups:
        for number, entry in enumerate(value):
            if isinstance(entry, dict):
                yield entry, f"{place}/{number}", member(str(number), at)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            if isinstance(entry, dict) and f"{place}/{number}" in book.groups:
                yield entry, f"{place}/{number}", member(str(number), at)


def _settled(
    leaves: Leaves, book: Vocabulary, raw: Mapping[str, object]
) -> tuple[dict[str, Stated], list[tuple[str, Stated, Stated]]]:
    """Settings by canonical name, and the pairs of keys that mean one thing."""
    settings: dict[str, Stated] = {}
    duplicates: list[tuple[str, Stated, Stated]] = []
    for where, found in leaves.items():
        stated = _in_our_words(where, found, book, raw)
        name = book.meaning.get(where)
        if stated is None:
            continue
        if name is None:
            if where in book.kept:
                settings.setdefault(stated.key, stated)
        elif name in settings:
            kept, other = _nearer(name, settings[name], stated)
            settings[name] = kept
            duplicates.append((name, kept, other))
        else:
            settings[name] = stated
    if not settings.get("base_model", _NOBODY).value and "base_repository" in settings:
        settings["base_model"] = settings["base_repository"]
    duplicates.extend(
        (first, settings[first], settings[second])
        for first, second in book.same
        if first in settings and second in settings
    )
    return settings, duplicates


def _in_our_words(where: str, stated: Stated, book: Vocabulary, raw: Mapping[str, object]) -> Stated | None:
    """The statement with its meaning; None where the platform takes the value for "not declared"."""
    sense = book.senses.get(where)
    if book.documented and (stated.value is None or is_placeholder(stated.value)):
        return None
    if sense is None:
        number = number_in(stated.value, book.types().get(where, "any")) if book.documented else None
        return (
            stated
            if number is None
            else Stated(stated.value, stated.member, stated.key, translated=(number,))
        )
    meant = sense(stated.value, raw)
    if not meant:
        return None
    if meant[0] is stated.value and not stated.inverse:
        return stated
    return Stated(stated.value, stated.member, stated.key, translated=meant)


def _nearer(name: str, one: Stated, other: Stated) -> tuple[Stated, Stated]:
    """The pair, first the one spelled like the canonical name or else the one that says it directly."""
    if other.key == name or (one.inverse and not other.inverse):
        return other, one
    return one, other
