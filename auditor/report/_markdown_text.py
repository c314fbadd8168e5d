"""Text of other people's making inside Markdown: no markup, no HTML, no mention, no link comes alive."""

import re

from auditor.report._text import one_line, shorten
from auditor.report._text import prose as _prose

_GAP = "\u200b"
"""Zero width space: between ``@`` and a name it keeps a forge from notifying that person."""

_PLAIN_CODE = re.compile(r"[\w ./#:,=+\-()\[\]\"'…–→≠·{}@^$*~!?;%]*")
_ENTITIES = {char: f"&#{ord(char)};" for char in "\\`|$"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ESCAPED = {char: "\\" + char for char in "*[]~"}
_TABLE = str.maketrans(_ENTITIES | _ESCAPED)
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_LIVE = re.compile(r"@|#(?=\d)|(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)


def escaped(text: str, limit: int = 600) -> str:
    """One line of plain text in which nothing is Markdown, HTML, mention, issue number or address."""
    return _dead(shorten(one_line(text), limit))


def _dead(line: str) -> str:
    dead = _LIVE.sub(lambda match: match[0] + _GAP, line)
    return _EDGE_UNDERSCORE.sub(r"\_", dead.translate(_TABLE))


def prose(text: str, limit: int = 600) -> str:
    """`escaped`, with what a rule put into backticks as code."""
    parts = _prose(shorten(one_line(text), limit))
    return "".join(code(part, limit) if ticked else _dead(part) for ticked, part in parts)


def code(text: str, limit: int = 200) -> str:
    """A code span; where backticks, pipes or backslashes could end it early, ``<code>`` with entities."""
    line = shorten(one_line(text), limit)
    if not line:
        return ""
    if _PLAIN_CODE.fullmatch(line):
        return f"`{line}`"
    return "<code>" + "".join(c if c.isalnum() or c in " ./-" else f"&#{ord(c)};" for c in line) + "</code>"


def marker(base: str | None, head: str) -> str:
    """The hidden line by which a bot finds its own comment again: refs with everything unusual %-encoded."""
    refs = [ref for ref in (base, head) if ref is not None]
    return f"<!-- audit:{'...'.join(map(_encoded, refs))} -->"


def _encoded(ref: str) -> str:
    data = ref.encode("utf-8", "backslashreplace")
    text = "".join(
        chr(b) if chr(b).isascii() and (chr(b).isalnum() or chr(b) in "/._-") else f"%{b:02X}" for b in data
    )
    return text.replace("--", "-%2D")
