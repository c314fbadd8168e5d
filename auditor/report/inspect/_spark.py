"""Numbers as one character each, and text for terminals that know no more than ASCII."""

import math
from collections.abc import Callable, Iterable, Sequence

_LEVELS = "▁▂▃▄▅▆▇█"
DEAD, MISSING, BAD, UNKNOWN, PRESENT = "×", "·", "!", "?", "≡"
_ASCII = str.maketrans(
    {
        **dict(zip(_LEVELS, "12345678", strict=True)),
        "×": "x",
        "·": "-",
        "…": "~",
        "–": "-",
        "−": "-",
        "→": ">",
        "Δ": "d",
        "∞": "inf",
        "○": "o",
        "✓": "+",
        "✗": "x",
        "▲": "!",
        "•": "*",
        "─": "-",
        "≡": "=",
    }
)


def ascii_only(text: str) -> str:
    """Our own signs in ASCII; levels become the digits 1 to 8. Names of others stay as they are."""
    return text.translate(_ASCII)


def scale(values: Iterable[float | None], log: bool = True) -> Callable[[float | None], str]:
    """A function from a value to its character, over the range of all ``values``.

    Zero is ``×`` on a log scale, NaN and infinities ``!``, None ``?``. Equal values give one middle level.
    """
    known = [v for v in values if v is not None and math.isfinite(v) and (v > 0 or not log)]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    place: Callable[[float], float] = math.log if log else float

    def character(value: float | None) -> str:
        if value is None:
            return UNKNOWN
        if not math.isfinite(value):
            return BAD
        if log and value <= 0:
            return DEAD
        bottom, top = place(low), place(high)
        if not top > bottom:
            return _LEVELS[3]
        share = (place(value) - bottom) / (top - bottom)
        return _LEVELS[min(int(share * len(_LEVELS)), len(_LEVELS) - 1)]

    return character


def fitted(cells: Sequence[str], width: int) -> str:
    """One character a cell, or, where there are more cells than columns, the most telling of each group."""
    if len(cells) <= width:
        return "".join(cells)
    made: list[str] = []
    for column in range(width):
        group = cells[column * len(cells) // width : (column + 1) * len(cells) // width]
        made.append(max(group, key=_telling))
    return "".join(made)


def _telling(cell: str) -> tuple[int, int]:
    order = (MISSING, UNKNOWN, DEAD, BAD)
    rank = order.index(cell) + 1 if cell in order else 0
    return rank, _LEVELS.find(cell)


def curve(points: Sequence[tuple[int, float]], width: int) -> str:
    """A series as a line of at most ``width`` characters: the mean of each group of finite points, linear scale."""
    groups = min(width, len(points))
    means: list[float | None] = []
    for column in range(groups):
        part = points[column * len(points) // groups : (column + 1) * len(points) // groups]
        finite = [value for _, value in part if math.isfinite(value)]
        means.append(math.fsum(finite) / len(finite) if finite else math.nan)
    character = scale(means, log=False)
    return "".join(character(value) for value in means)
