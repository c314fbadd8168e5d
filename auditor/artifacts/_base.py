"""What every reader is: file name patterns, a parse that raises only CannotRead, facts with tolerances."""

from __future__ import annotations

from itertools import chain

from auditor.errors import CannotRead
from auditor.model import Frozen, folder_of, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, ClassVar, Self

    from auditor.model import Blob, Fact, Location

JSON_LIMIT = 64 * 1024 * 1024
"""Largest JSON document read, in bytes: a tokenizer_config with 6,414 added tokens is 1.1 MB."""
NODE_LIMIT = 1_000_000
"""Objects and arrays read at most (brackets in texts count too): 60 MB of ``{},`` would take 1.8 GB of memory. The
largest honest document known is a tokenizer.json with 521,000 (Gemma 3: 514,906 merges as pairs)."""
_SAMPLE, _MANY_OBJECTS = 64 * 1024, 100
"""So many objects in the first bytes are the beginning of a table: repeated keys are then looked for by counting."""


class Artifact(Frozen):
    """A parsed file. Subclasses are frozen slotted dataclasses whose first field is ``path``.

    Those of a file whose reading takes less than importing `dataclasses` write their ``__init__`` out (`Frozen`).

    ``patterns`` match the file's *name* (fnmatch, case-sensitive). One file may be read by several readers.
    """

    patterns: ClassVar[tuple[str, ...]] = ()
    reads_absent: ClassVar[bool] = False
    """True for a reader that needs only path, size and digest, so that an unfetched file is no loss to it."""
    unseen: ClassVar[str] = "the bytes differ in something no reader looks at"
    """What is said of two files whose bytes differ and whose facts do not."""
    path: str
    __slots__ = ("path",)

    @classmethod
    def matches(cls, path: str) -> bool:
        """Whether this reader reads a file of that name."""
        import fnmatch

        return any(fnmatch.fnmatchcase(name_of(path), pattern) for pattern in cls.patterns)

    @classmethod
    def parse(cls, blob: Blob) -> Self:
        """Read a blob. Raises CannotRead, and nothing else, whatever the bytes are."""
        raise CannotRead(f"no reader for {blob.path}")

    def facts(self) -> Mapping[str, Fact]:
        """What two files of this kind are compared by, each value with its tolerance."""
        return {}

    @property
    def folder(self) -> str:
        """The folder the file lies in; "" is the root."""
        return folder_of(self.path)

    def at(self, member: str | None = None) -> Location:
        """A place in this file."""
        from auditor.model import Location

        return Location(self.path, member)


def parse_json(data: bytes) -> object:
    """Parse a JSON document: UTF-8 (a BOM is tolerated), NaN and Infinity tokens allowed, depth bounded, keys unique.

    Raises CannotRead with a sentence that names line and column.
    """
    import json

    if len(data) > 3 * NODE_LIMIT and data.count(b"{") + data.count(b"[") > NODE_LIMIT:
        raise CannotRead(f"holds more than {NODE_LIMIT:,} objects and arrays, too many to read")
    try:
        text = data.decode("utf-8-sig")
        if data.count(b"{", 0, _SAMPLE) < _MANY_OBJECTS:
            return json.loads(text, object_pairs_hook=_unique)
        found = json.loads(text)
        return found if _strings(found) == _written(data) else json.loads(text, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise CannotRead(f"is not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise CannotRead(
            f"is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from error
    except (RecursionError, ValueError) as error:
        raise CannotRead(
            "is not usable JSON: nested too deeply or holds a number with too many digits"
        ) from error


def _written(data: bytes) -> int:
    """How many strings, keys included, a JSON document is written with: half its quotes, those not escaped."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"")
        return (data.count(b'"') - data.count(b'\\"')) // 2
    return data.count(b'"') // 2


def _strings(value: object) -> int:
    """How many strings, keys included, a value holds: fewer than were written when a key stood twice in an object.

    Counting costs a sixth of reading; a call for each object would double it.
    """
    count = 0
    groups: list[list[Any]] = [[value]]
    while groups:
        group = groups.pop()
        tables, lists = group, []
        if set(map(type, group)) != {dict}:
            tables = [item for item in group if type(item) is dict]
            lists = [item for item in group if type(item) is list]
            count += len([item for item in group if type(item) is str])
        count += sum(map(len, tables))
        for siblings in ([*map(dict.values, tables)], lists):
            if not _are_numbers(chain.from_iterable(siblings)):
                groups += [list(chain.from_iterable(siblings))]
    return count


def _are_numbers(values: Iterable[object]) -> bool:
    """Whether there is nothing but numbers and truth values, as in the rows of a log; a sum finds out fastest."""
    try:
        sum(values)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a repeated key: RFC 8259 leaves open which counts, so a reader's eye and a loader may differ."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    from collections import Counter

    twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
    raise CannotRead(
        f"holds the key {twice[:60]!r} twice in one object, and programs differ in which they take"
    )


def read_json_object(blob: Blob, limit: int = JSON_LIMIT) -> Mapping[str, object]:
    """`parse_json_object` of a file of at most ``limit`` bytes. Raises CannotRead."""
    return parse_json_object(blob.read(limit))


def parse_json_object(data: bytes) -> Mapping[str, object]:
    """`parse_json`, which must be an object. Raises CannotRead."""
    raw = parse_json(data)
    if not isinstance(raw, dict):
        raise CannotRead(f"holds a JSON {json_type(raw)} where an object is expected")
    return raw


def json_type(value: object) -> str:
    """The JSON word for a Python value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
