"""Whether a declared value is of a type that its key takes. Types are JSON's words joined by "|" ("integer|null")."""

import re

from auditor.artifacts._base import json_type

_NUMBER = re.compile(r"[-+]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,3})?")
_WORDS = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}


def fits(value: object, types: str) -> bool:
    """Whether a value is of one of the types.

    Null is "not declared" on every platform, and false is "off" (YAML reads the word ``no`` so). 16.0 counts as 16, and
    0 and 1 as booleans, as all of them take it. A string may carry anything that a command line does; only numbers,
    booleans and the like refuse it.
    """
    wanted = types.split("|")
    if value is None or value is False or "any" in wanted:
        return True
    kind = json_type(value)
    if kind in wanted:
        return True
    if kind == "number" and isinstance(value, int | float):
        return _number_fits(value, wanted)
    # One name where a list is expected, and a list where one is.
    return "array" in wanted if kind == "string" else kind == "array" and "string" in wanted


def _number_fits(value: int | float, wanted: list[str]) -> bool:
    if "number" in wanted or "string" in wanted:
        return True
    if "integer" in wanted:
        return isinstance(value, int) or value.is_integer()
    return "boolean" in wanted and value in (0, 1)


def number_in(value: object, types: str) -> float | None:
    """The number that a string spells where a number is expected: YAML 1.1 reads `2e-4` as a string."""
    wanted = types.split("|")
    if (
        isinstance(value, str)
        and ("number" in wanted or "integer" in wanted)
        and _NUMBER.fullmatch(value.strip())
    ):
        return float(value)
    return None


def is_spelt(value: object, types: str) -> bool:
    """Whether text spells a number or a boolean, which pydantic and argument parsers make of it."""
    word = isinstance(value, str) and value.lower() in ("true", "false")
    return word or number_in(value, types) is not None


def is_placeholder(value: object) -> bool:
    """Whether a text stands for a value that is filled in later: ``${HF_TOKEN}``, or ``{{ rank }}`` of a template."""
    return isinstance(value, str) and ("${" in value or "{{" in value)


def expected(types: str) -> str:
    """The types in a sentence: ``an integer or null``."""
    kinds = types.split("|")
    wider = ("null", "integer") if "number" in kinds else ("null",)
    named = [_WORDS.get(kind, kind) for kind in kinds if kind not in wider]
    if "null" in kinds:
        named.append("null")
    return " or ".join(named)
