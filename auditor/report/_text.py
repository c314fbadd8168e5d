"""Text made safe and short: control characters shown, widths measured, values spelled."""

import json
import re
import textwrap
import unicodedata
from collections.abc import Iterable

from auditor.report._plain import plain

_HIDDEN = frozenset(
    map(chr, (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF))
)
"""Characters that print nothing or reorder their neighbours (zero width, bidirectional, separators)."""


_LONGEST = 2000
_SEPARATORS = "/_-.#,;=|"
"""Signs behind which a path, a pattern or a digest with a name may go on in the next line."""
_TICKED = re.compile(r"`{1,2}([^`\n]+)`{1,2}")


def visible(text: str, keep: str = "") -> str:
    r"""Show control, bidirectional and lone surrogate characters as escapes (``\x1b``), except ``keep``."""
    if text.isprintable():
        return text
    return "".join(char if char in keep or not _is_hidden(char) else _escape(char) for char in text)


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") or char in _HIDDEN


def _escape(char: str) -> str:
    code = ord(char)
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char)
    return named or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def one_line(text: str) -> str:
    """White space runs, line ends included, as one space; what is left of control characters shown."""
    return visible(" ".join(text.split()))


def value_text(value: object, limit: int = 80) -> str:
    """A value as people write it: text bare, everything else as JSON, cut at ``limit`` characters."""
    simple = plain(value)
    text = simple if isinstance(simple, str) else json.dumps(simple, ensure_ascii=False, sort_keys=True)
    return shorten(one_line(text), limit)


def shorten(text: str, limit: int) -> str:
    """Cut to ``limit`` characters, the last of which is then an ellipsis."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"


def shorten_middle(text: str, limit: int) -> str:
    """Cut out the middle: of a path, both the folder it begins with and the file name say something."""
    if width_of(text) <= limit:
        return text
    tail = (limit - 1) * 2 // 3
    return text[: limit - 1 - tail] + "…" + text[len(text) - tail :]


def width_of(text: str) -> int:
    """Columns a terminal uses for a text: two for wide East Asian characters, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def pad(text: str, width: int) -> str:
    """Fill up with spaces on the right to ``width`` columns."""
    return text + " " * max(width - width_of(text), 0)


def wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """Lines of at most ``width`` columns; long words (digests, paths) are broken rather than overflow.

    A text of another's making may be a megabyte long: 2,000 characters of it are shown.
    """
    wrapper = _Wrapper(
        width=max(width, 20), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )
    return wrapper.wrap(one_line(shorten(text, _LONGEST)))


class _Wrapper(textwrap.TextWrapper):
    """Breaks a word longer than a line behind a separator of paths and names, not inside a name."""

    def _handle_long_word(
        self, reversed_chunks: list[str], cur_line: list[str], cur_len: int, width: int
    ) -> None:
        chunk, room = reversed_chunks[-1], max(width - cur_len, 1)
        cut = chunk.rfind("/", 0, room) + 1
        if cut <= room // 2:
            cut = max(chunk.rfind(sign, 0, room) for sign in _SEPARATORS) + 1
        if cut <= room // 2:
            if cur_line:
                return  # the next line has more room, and comes here again
            cut = cut or room
        cur_line.append(chunk[:cut])
        reversed_chunks[-1] = chunk[cut:]


def flowed(items: Iterable[str], between: str, width: int) -> list[str]:
    """Items joined on lines of at most ``width`` columns, none of them broken in its middle."""
    lines: list[str] = []
    for item in items:
        if lines and width_of(lines[-1] + between + item) <= width:
            lines[-1] += between + item
        else:
            lines.append(item)
    return lines


def prose(text: str) -> list[tuple[bool, str]]:
    """A sentence in parts, True for what stood in backticks: rules write names of keys and files so."""
    parts = _TICKED.split(text)
    return [(bool(index % 2), part) for index, part in enumerate(parts) if part]


def size_text(size: int | None) -> str:
    """Bytes in decimal units as forges print them: ``262 MB``; unknown sizes are a dash."""
    if size is None:
        return "–"
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def number(value: float | None) -> str:
    """Four significant digits; a dash for what was not measured, ``NaN`` and ``∞`` by their names."""
    if value is None:
        return "–"
    return f"{value:.4g}".replace("nan", "NaN").replace("inf", "∞")


def plural(count: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listing(items: Iterable[str], limit: int) -> str:
    """``a, b, c and 4 more``."""
    names = list(items)
    if len(names) <= limit:
        return ", ".join(names)
    return f"{', '.join(names[:limit])} and {len(names) - limit} more"
