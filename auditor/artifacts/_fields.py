"""Typed look-ups in a parsed JSON object; a value of the wrong type becomes None and one sentence."""

import json
from collections.abc import Mapping
from typing import TypeGuard

from auditor.artifacts._base import json_type

INTEGER_LIMIT = 2**63
"""Integers beyond the signed 64-bit range are no setting of any trainer, and float() of them may overflow."""
SHOWN = 60
"""Characters of a wrong value quoted in a sentence."""


class Fields:
    """Reads keys of one JSON object and collects (JSON pointer, sentence) for every value of the wrong type.

    JSON null and an absent key both read as None, or as the empty value.
    """

    def __init__(self, raw: Mapping[str, object], pointer: str = "") -> None:
        self.raw = raw
        self.pointer = pointer
        self.errors: list[tuple[str, str]] = []

    def wrong(self, key: str, expected: str) -> None:
        """Note that a key holds something else than expected."""
        value = self.raw.get(key)
        self.errors.append((member(key, self.pointer), f"`{key}` is {describe(value)}, expected {expected}"))

    def text(self, key: str) -> str | None:
        """A string."""
        value = self.raw.get(key)
        if value is None or isinstance(value, str):
            return value
        self.wrong(key, "a string")
        return None

    def boolean(self, key: str) -> bool | None:
        """A boolean."""
        value = self.raw.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.wrong(key, "a boolean")
        return None

    def integer(self, key: str) -> int | None:
        """An integer within 64 bits; 16.0 counts as 16, which is how some platforms write it."""
        value = self.number(key, "an integer")
        if value is None or isinstance(value, int):
            return value
        if value.is_integer() and abs(value) < INTEGER_LIMIT:
            return int(value)
        self.wrong(key, "an integer")
        return None

    def number(self, key: str, expected: str = "a number") -> int | float | None:
        """An integer within 64 bits or a float (NaN and infinities included); never a boolean."""
        value = self.raw.get(key)
        if value is None or is_number(value):
            return value if is_number(value) else None
        self.wrong(key, expected)
        return None

    def mapping(self, key: str) -> Mapping[str, object]:
        """An object; empty when absent or null."""
        value = self.raw.get(key)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.wrong(key, "an object")
        return {}

    def texts(self, key: str) -> tuple[str, ...]:
        """An array of strings, or one string standing for itself; empty when absent or null."""
        value = self.raw.get(key)
        if isinstance(value, str):
            return (value,)
        items = value if isinstance(value, list) else []
        found = tuple(item for item in items if isinstance(item, str))
        if value is not None and (not isinstance(value, list) or len(found) != len(items)):
            self.wrong(key, "an array of strings")
        return found


def is_number(value: object) -> TypeGuard[int | float]:
    """True for a float or an integer within 64 bits; JSON booleans are no numbers."""
    kind = type(value)
    if kind is float or kind is bool:
        return kind is float
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < INTEGER_LIMIT)


def member(key: str, parent: str = "") -> str:
    """A JSON pointer to a key of the object at ``parent`` (RFC 6901 escapes)."""
    return f"{parent}/{key.replace('~', '~0').replace('/', '~1')}"


def describe(value: object) -> str:
    """``the string "16"``, ``the number 1.5``, ``an array``: a value in a sentence, cut at 60 characters."""
    kind = json_type(value)
    if kind in ("array", "object"):
        return f"an {kind}"
    if kind == "null":
        return "null"
    shown = json.dumps(value[: SHOWN + 1] if isinstance(value, str) else value)
    return f"the {kind} {shown if len(shown) <= SHOWN else shown[:SHOWN] + '…'}"
