"""A changed fact in one line: both values, or for long lists what came and what went."""

import json

from auditor.model import Change
from auditor.report._plain import plain
from auditor.report._text import shorten, value_text

_SHORT = 40
_AFTER = 4
"""Characters after the shared beginning that show how two texts differ."""


def fact_text(fact: Change, limit: int) -> str:
    """``8 → 16``, or ``+2: c, d; −1: a`` where both values are lists too long to stand side by side."""
    room = max((limit - 3) // 2, 8)
    base, head = _from_where_they_part(fact.base, fact.head, room)
    sides = f"{value_text(base, room)} → {value_text(head, room)}"
    return list_difference(fact, limit) or shorten(sides, limit)


def _from_where_they_part(base: object, head: object, room: int) -> tuple[object, object]:
    """Two texts without the beginning that they share, where it would fill all the room."""
    if not isinstance(base, str) or not isinstance(head, str) or base == head:
        return base, head
    pairs = zip(base, head, strict=False)
    shared = next((at for at, (one, two) in enumerate(pairs) if one != two), min(len(base), len(head)))
    if shared < room - _AFTER:
        return base, head
    start = max(0, shared - room // 2)
    return f"…{base[start:]}", f"…{head[start:]}"


def list_difference(fact: Change, limit: int) -> str:
    """What was added to and removed from a long list; "" when a value is no list or both are short."""
    base, head = plain(fact.base), plain(fact.head)
    if not isinstance(base, list) or not isinstance(head, list):
        return ""
    if all(len(json.dumps(items, ensure_ascii=False)) <= _SHORT for items in (base, head)):
        return ""
    before, after = ({_entry(item): None for item in items} for items in (base, head))
    parts = [
        f"{sign}{len(names)}: {', '.join(names)}"
        for sign, names in (
            ("+", [name for name in after if name not in before]),
            ("−", [name for name in before if name not in after]),
        )
        if names
    ]
    return shorten("; ".join(parts) or "the same entries in another order or number", limit)


def _entry(item: object) -> str:
    return value_text(item, 60) if isinstance(item, str) else json.dumps(item, sort_keys=True)[:60]
