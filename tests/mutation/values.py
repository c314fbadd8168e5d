"""One field changed: which fields a document has, and what stands there instead."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True, slots=True)
class Mutation:
    """One edit of one file: the field's name inside it, what was done, and the file's new bytes."""

    path: str
    field: str
    how: str
    data: Callable[[], bytes]

    def __str__(self) -> str:
        return f"{self.path}: {self.field} {self.how}"


REMOVED = object()
Step = str | int


def variants(value: object) -> Iterator[tuple[str, object]]:
    """Other values of a leaf, by its type; a list loses its first item."""
    yield from _changed(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value:
        yield "negated", -value
    if value not in (None, {}, []):
        yield "null", None


def _changed(value: object) -> Iterator[tuple[str, object]]:
    match value:
        case bool():
            yield "flipped", not value
        case int():
            yield "+ 1", value + 1
        case float():
            yield "* 1.1", value * 1.1 if value else 0.1
        case str():
            yield "changed", value + "x"
        case [_, *rest]:
            yield "item dropped", rest
        case None:
            yield "set", 7


def leaves(document: object, at: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], object]]:
    """Every value of a document that holds no others, and every list of plain values."""
    if isinstance(document, dict) and document:
        for key, value in document.items():
            yield from leaves(value, (*at, key))
    elif isinstance(document, list) and any(isinstance(item, dict | list) for item in document):
        for index, value in enumerate(document):
            yield from leaves(value, (*at, index))
    else:
        yield at, document


def edited(document: object, at: tuple[Step, ...], value: object) -> object:
    """The document with another value at a place, or without it."""
    changed = copy.deepcopy(document)
    parent = changed
    for step in at[:-1]:
        parent = parent[step]  # type: ignore[index]
    if value is REMOVED:
        del parent[at[-1]]  # type: ignore[attr-defined]
    else:
        parent[at[-1]] = value  # type: ignore[index]
    return changed


def edits(document: object) -> Iterator[tuple[tuple[Step, ...], str, Callable[[], object]]]:
    """Every edit of every leaf: (place, what is done, how to get the whole document after it)."""
    for at, value in leaves(document):
        for how, other in variants(value):
            yield at, how, partial(edited, document, at, other)
        if isinstance(at[-1], str):
            yield at, "removed", partial(edited, document, at, REMOVED)


def pointer(at: tuple[Step, ...]) -> str:
    """A place as a JSON pointer, for reading."""
    return "/" + "/".join(map(str, at))
