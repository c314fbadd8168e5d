"""On which line of a YAML document a member stands, by the loader's own marks: right for flow style too."""

from collections.abc import Callable

import yaml

from auditor.artifacts._front_matter import composed
from auditor.engine._lines import parts_of


def finder(text: str) -> Callable[[str], int | None] | None:
    """What tells the line, from 1, of the key or item that a JSON pointer names; None for what is no usable YAML."""
    try:
        root = composed(text)
    except (yaml.YAMLError, ValueError):
        return None
    return lambda pointer: _line(root, parts_of(pointer)) if pointer.startswith("/") else None


def _line(node: yaml.Node | None, parts: list[str]) -> int | None:
    """Follow the parts from a node; the line of the last one's key, or of the item of a list."""
    line: int | None = None
    for part in parts:
        found = _entry(node, part)
        if found is None:
            return None
        named, node = found
        line = named.start_mark.line + 1
    return line


def _entry(node: yaml.Node | None, part: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The node that names a member, and the member's own; what a merge key (``<<``) brings in has none."""
    if isinstance(node, yaml.MappingNode):
        return next((pair for pair in node.value if pair[0].value == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        return node.value[int(part)], node.value[int(part)]
    return None
