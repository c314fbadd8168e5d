"""JSON types that the keys of a file may take, after what its releases declare and what is known to be harmless."""

from collections.abc import Mapping
from functools import lru_cache

from auditor.artifacts._release_tables import KeyTable

ANY = "any"
_EMPTY_IS_NULL = frozenset({"boolean", "object"})
_WORDS: Mapping[str, str] = {
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "boolean": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}
_ALSO: Mapping[str, str] = {
    # Only the factor alpha / r is computed (tuners/lora/layer.py, update_layer), so that 22.6 works as well as 32.
    "lora_alpha": "number",
    "alpha": "number",
    # The Trainer stores what compute_steps gives (trainer_callback.py): a float when the arguments held one.
    "logging_steps": "number",
    "eval_steps": "number",
    "save_steps": "number",
    "num_train_epochs": "number",
    # Declared as a list; __post_init__ makes an object of it before anything is saved (trainer_callback.py).
    "stateful_callbacks": "object",
}


@lru_cache
def accepted(known: KeyTable) -> Mapping[str, tuple[str, ...]]:
    """Key -> the JSON types it may have; keys whose type is not known are left out.

    Null is accepted where a library only asks whether there is something: for booleans, objects and arrays.
    """
    found = {key: frozenset(kinds) for key, kinds in known.types.items() if ANY not in kinds}
    return {key: tuple(sorted(kinds | _more(key, kinds))) for key, kinds in found.items()}


def _more(key: str, kinds: frozenset[str]) -> frozenset[str]:
    also = {_ALSO[key]} if key in _ALSO else set()
    if kinds & _EMPTY_IS_NULL or any(kind.startswith("array") for kind in kinds):
        also.add("null")
    return frozenset(also)


def fits(value: object, kinds: tuple[str, ...]) -> bool:
    """Whether a JSON value has one of the types; 16.0 is an integer, as in JSON Schema, and true is no number."""
    return any(_is(value, kind) for kind in kinds)


def _is(value: object, kind: str) -> bool:
    name, _, items = kind.partition(":")
    if name == "array":
        inner = tuple(items.split("|"))
        return isinstance(value, list) and (not items or all(fits(item, inner) for item in value))
    if name == "null" or value is None:
        return name == "null" and value is None
    if isinstance(value, bool):
        return name == "boolean"
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return {
        "integer": whole,
        "number": isinstance(value, int | float),
        "string": isinstance(value, str),
        "object": isinstance(value, dict),
    }.get(name, False)


def described(kinds: tuple[str, ...]) -> str:
    """``an array of strings, a string or null``."""
    kept = [kind for kind in kinds if not (kind == "integer" and "number" in kinds)]
    words = [_described(kind) for kind in sorted(kept, key=lambda kind: kind == "null")]
    return " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]


def _described(kind: str) -> str:
    name, _, items = kind.partition(":")
    return (
        f"{_WORDS[name]} of {' or '.join(f'{item}s' for item in items.split('|'))}" if items else _WORDS[name]
    )
