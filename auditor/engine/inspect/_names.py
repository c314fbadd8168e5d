"""A module's name in three parts: what stands before its layer's number, the number, and what stands behind."""

import re
from functools import lru_cache

_LAYER = re.compile(r"(?P<group>.*?)\.?\b(?P<layer>\d{1,4})\.(?P<kind>.+)")
_LONGEST = 400


@lru_cache(maxsize=4096)
def parts_of(module: str) -> tuple[str, int | None, str]:
    """``layers.3.self_attn.q_proj`` -> (``layers``, 3, ``self_attn.q_proj``); without one ("", None, name)."""
    match = _LAYER.fullmatch(module[:_LONGEST])
    if match is None:
        return "", None, module
    return match["group"], int(match["layer"]), match["kind"]
