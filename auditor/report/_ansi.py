"""Colours of a terminal, written by hand: a library would cost more start-up time than the report."""

from collections.abc import Mapping
from dataclasses import dataclass

_CODES: Mapping[str, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "title": "1;4",
    "fail": "1;97;41",
    "pass": "1;30;42",
    "incomplete": "1;30;43",
    "nothing checked": "1;30;43",
}


@dataclass(frozen=True, slots=True)
class Paint:
    """Paints or leaves plain. Texts must be visible (see `_text.visible`) before they come here."""

    on: bool

    def __call__(self, text: str, style: str) -> str:
        """The text in one of the styles, or as it is when colour is off or the style is ""."""
        if not self.on or not text or not style:
            return text
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m"
