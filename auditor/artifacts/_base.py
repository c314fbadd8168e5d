"""What every reader is: file name patterns, a parse that raises only CannotRead, facts with tolerances."""

import fnmatch
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from auditor.errors import CannotRead
from auditor.model import Blob, Fact, folder_of, name_of

if TYPE_CHECKING:
    from auditor.model import Location

JSON_LIMIT = 64 * 1024 * 1024
"""Largest JSON document read, in bytes: a tokenizer_config with 6,414 added tokens is 1.1 MB."""
NODE_LIMIT = 1_000_000
"""Objects and arrays read at most (brackets in texts count too): 60 MB of ``{},`` would take 1.8 GB of memory. The
largest honest document known is a tokenizer.json with 521,000 (Gemma 3: 514,906 merges as pairs)."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A parsed file. Subclasses are frozen slotted dataclasses whose first field is ``path``.

    ``patterns`` match the file's *name* (fnmatch, case-sensitive). One file may be read by several readers.
    """

    patterns: ClassVar[tuple[str, ...]] = ()
    reads_absent: ClassVar[bool] = False
    """True for a reader that needs only path, size and digest, so that an unfetched file is no loss to it."""
    unseen: ClassVar[str] = "the bytes differ in something no reader looks at"
    """What is said of two files whose bytes differ and whose facts do not."""
    path: str

    @classmethod
    def matches(cls, path: str) -> bool:
        """Whether this reader reads a file of that name."""
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

    def at(self, member: str | None = None) -> "Location":
        """A place in this file."""
        from auditor.model import Location

        return Location(self.path, member)


def read_json(blob: Blob, limit: int = JSON_LIMIT) -> object:
    """Parse a JSON blob: UTF-8 (a BOM is tolerated), NaN and Infinity tokens allowed, depth bounded, keys unique.

    Raises CannotRead with a sentence that names line and column.
    """
    data = blob.read(limit)
    if data.count(b"{") + data.count(b"[") > NODE_LIMIT:
        raise CannotRead(f"holds more than {NODE_LIMIT:,} objects and arrays, too many to read")
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique)
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


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a repeated key: RFC 8259 leaves open which counts, so a reader's eye and a loader may differ."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
    raise CannotRead(
        f"holds the key {twice[:60]!r} twice in one object, and programs differ in which they take"
    )


def read_json_object(blob: Blob, limit: int = JSON_LIMIT) -> Mapping[str, object]:
    """`read_json`, which must be an object. Raises CannotRead."""
    raw = read_json(blob, limit)
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
