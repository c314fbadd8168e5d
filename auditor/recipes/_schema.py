"""A platform's vocabulary as a JSON Schema, for editors and for ``audit schema``."""

from collections.abc import Mapping

from auditor.recipes._vocabulary import ENTRY, Vocabulary

Schema = dict[str, object]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TAKES: Mapping[str, tuple[str, ...]] = {
    "integer": ("integer",),
    "number": ("number",),
    "boolean": ("boolean",),
    "string": ("string", "array", "number"),
    "array": ("array", "string"),
    "object": ("object",),
}
"""What a key of a type takes, as auditor/recipes/_types.py has it: a list for one name and one name for a list."""


def schema_of(name: str, book: Vocabulary) -> Schema:
    """The schema of one configuration: the types of known keys, whatever else it may hold."""
    root: Schema = {
        "$schema": DRAFT,
        "title": f"Training configuration of {book.platform} ({name})",
        "description": "Types of the known keys; others are allowed, and null is not declared.",
        "type": "object",
        "properties": {},
    }
    kinds: Schema = {}
    known = book.types()
    for place, types in sorted(known.items()):
        *groups, key = place.split("/")
        kind = "any" if place in book.lenient else "-or-".join(t for t in types.split("|") if t != "null")
        kinds[kind] = _takes(kind.replace("-or-", "|"))
        _members(root, groups, known)[key] = {"$ref": f"#/$defs/{kind}"}
    return root | {"$defs": dict(sorted(kinds.items()))}


def _members(root: Schema, groups: list[str], known: Mapping[str, str]) -> Schema:
    """The properties of a group, which are made on the way; a group that is a known key may be a plain value, too."""
    node = root
    for depth, group in enumerate(groups, start=1):
        inside, key = (node, "items") if group == ENTRY else (_properties(node), group)
        found = inside.get(key)
        if not isinstance(found, dict) or "$ref" in found:
            is_list = groups[depth : depth + 1] == [ENTRY]
            only = group != ENTRY and not is_list and "/".join(groups[:depth]) not in known
            fresh: Schema = {"type": ["object", "null"]} if only else {}
            found = inside[key] = fresh
        node = found
    return _properties(node)


def _properties(node: Schema) -> Schema:
    found = node.setdefault("properties", {})
    return found if isinstance(found, dict) else {}


def _takes(types: str) -> Schema:
    wanted = types.split("|")
    if "any" in wanted:
        return {}
    taken = sorted({word for kind in wanted for word in _TAKES.get(kind, ())} | {"null"})
    # 0 and 1 stand for booleans, and false for "off" anywhere.
    more: list[object] = [0, 1] if "boolean" in wanted and not {"number", "integer"} & set(taken) else []
    more += [False] if "boolean" not in wanted else []
    return {"anyOf": [{"type": taken}, {"enum": more}]} if more else {"type": taken}
