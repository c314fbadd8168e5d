"""Values, counts and lists inside sentences."""

import json
from collections.abc import Sequence

WIDTH = 60
"""Characters of a value quoted in a sentence."""


def shown(value: object) -> str:
    """A value as JSON spells it (``"None"``, ``false``, ``null``), cut at 60 characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def joined(words: Sequence[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def counted(amount: int, noun: str, plural: str = "") -> str:
    """``1 key``, ``2 keys``, ``1,024 steps``; ``plural`` where an s does not do."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def plain_number(value: int | float) -> str:
    """``450`` is ``450``, ``1.0`` is ``1``, other floats keep six significant digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
