"""Python values as JSON values, without losing what JSON cannot say."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import islice
from numbers import Integral, Real

_NUMBERS_AS_TEXT = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_HIDDEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_BYTES_SHOWN = 32
_PIECES = 10_000
_ENCODER = json.JSONEncoder(ensure_ascii=False, indent=2, allow_nan=False)
_DECIMAL_BITS = 4096
"""Longer integers are written in hexadecimal: Python refuses to print very long ones in decimal."""


class Parts(dict[str, object]):
    """A JSON object of which `pieces` writes one value after the other."""


class Each:
    """A JSON array whose items are made one by one, while `pieces` writes it."""

    def __init__(self, items: Iterable[object]) -> None:
        self.items = items


def dumps(value: object) -> str:
    """Indented JSON in which characters that a terminal would obey or not show are escapes, with a final line end."""
    return "".join(pieces(value))


def pieces(value: object) -> Iterator[str]:
    """The text of `dumps` in pieces: a long report is never whole in memory, as values or as text."""
    yield from (_HIDDEN.sub(_escaped, piece) for piece in _pieces(value, "\n"))
    yield "\n"


def _pieces(value: object, end: str) -> Iterator[str]:
    """``end`` is the line end with the indent of the line that the value begins on."""
    if isinstance(value, Parts):
        keyed = ((f"{_ENCODER.encode(key)}: ", item) for key, item in value.items())
        yield from _between("{", "}", keyed, end)
    elif isinstance(value, Each):
        yield from _between("[", "]", (("", item) for item in value.items), end)
    else:
        words = _ENCODER.iterencode(value)
        # A piece is a word or a comma: all those of a long report would take five times its length.
        for block in iter(lambda: "".join(islice(words, _PIECES)), ""):
            yield block.replace("\n", end)


def _between(left: str, right: str, items: Iterable[tuple[str, object]], end: str) -> Iterator[str]:
    inner = end + "  "
    first = True
    for key, item in items:
        yield (left if first else ",") + inner + key
        yield from _pieces(item, inner)
        first = False
    yield left + right if first else end + right


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def plain(value: object) -> object:
    """JSON's own types only. NaN and infinities become text, sets sorted lists, bytes hexadecimal text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and not isinstance(value, Enum):
        return printable(value)
    if isinstance(value, Enum):
        return _enum(value)
    if isinstance(value, Integral):
        return int(value) if int(value).bit_length() <= _DECIMAL_BITS else hex(int(value))
    if isinstance(value, Real):
        return plain_float(float(value))
    return _compound(value)


def _enum(value: Enum) -> object:
    from auditor.model import Verdict

    if isinstance(value, Verdict):
        return value.word
    return value.name.lower() if isinstance(value.value, int) else plain(value.value)


def _compound(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            printable(str(key)): plain(item)
            for key, item in sorted(value.items(), key=lambda pair: str(pair[0]))
        }
    if isinstance(value, AbstractSet):
        return sorted(map(plain, value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(bytes(value))
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return _record(value)


def _record(value: object) -> object:
    from auditor.model import Digest, Frozen, VersionRange

    if isinstance(value, Digest | VersionRange):
        return str(value)
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Frozen):
        return {name: plain(item) for name, item in value.as_dict().items()}
    return f"<{type(value).__name__}>"  # never repr(): it may hold an address of this process


def _bytes(data: bytes) -> str:
    from hashlib import sha256

    if len(data) <= _BYTES_SHOWN:
        return "hex:" + data.hex()
    return f"sha256:{sha256(data).hexdigest()} ({len(data)} bytes)"


def plain_float(value: float) -> float | str:
    """A float as JSON can hold it: ``NaN``, ``Infinity`` and ``-Infinity`` as text."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def to_float(value: object) -> float:
    """The inverse of `plain_float`. Raises ValueError for anything that it never makes."""
    if isinstance(value, str):
        if value not in _NUMBERS_AS_TEXT:
            raise ValueError(f"{value!r} is not a number")
        return _NUMBERS_AS_TEXT[value]
    if isinstance(value, int | float):
        return float(value)
    raise ValueError(f"{value!r} is not a number")


def printable(text: str) -> str:
    """Text that UTF-8 can hold: a lone surrogate (a byte that was no text) is written as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def without_machine(text: str) -> str:
    """An absolute path's last part, anything else unchanged: where it lies only names the machine."""
    parts = text.replace("\\", "/").rstrip("/").split("/")
    absolute = text.startswith(("/", "~/", "\\\\")) or (len(text) > 2 and text[1:3] in (":\\", ":/"))
    return parts[-1] if absolute else text
