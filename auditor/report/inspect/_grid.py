"""Modules by layer as grids of cells on one log scale; what has no place on the scale keeps its own mark."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from auditor.report._heatmap import ends, opacity_of
from auditor.report._text import number, one_line, plural, shorten_middle, width_of

GAP, TOP, EDGE = 2, 18, 4
_CELLS = ((16, 20), (48, 16), (128, 12))
"""(layers at most, side of a cell in drawing units)."""
_MOST_ROWS, _MOST_LAYERS, _MOST_GRIDS = 40, 128, 8
_LABEL, _PER_CHARACTER = 24, 6.3
"""Characters of a row's label, and drawing units of one of them at 10.5 units of height."""
ON_SCALE = ""
MARKS = ("not finite", "dead", "equal", "missing", "unknown")
"""What a cell without a place on the scale is, gravest first."""


@dataclass(frozen=True, slots=True)
class Item:
    """One module's value; ``mark`` is one of MARKS, or "" when the value is on the scale; ``odd`` asks for a rim."""

    group: str
    layer: int | None
    kind: str
    value: float | None
    mark: str
    text: str
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A square at (x, y); ``opacity`` is that of its paint, None where ``mark`` says what is drawn instead."""

    x: int
    y: int
    opacity: float | None
    mark: str
    text: str
    odd: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """Layers from left to right, kinds of module from top to bottom; sizes in drawing units (pixels)."""

    group: str
    about: str
    width: int
    height: int
    side: int
    label: int
    cells: tuple[Cell, ...]
    rows: tuple[tuple[float, str], ...]
    columns: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """Grids on one scale. ``ends`` are its lowest, middle and highest value; ``marks`` those that occur."""

    title: str
    grids: tuple[Grid, ...]
    ends: tuple[str, str, str] | None
    marks: tuple[str, ...]
    odd: bool
    left_out: int


def heat(title: str, items: Sequence[Item], most: int, noun: str = "module") -> Heat | None:
    """Grids of ``items``, of at most ``most`` cells together, the largest group of layers first; None without any."""
    grouped: dict[str | None, list[Item]] = {}
    for item in items:
        grouped.setdefault(None if item.layer is None else item.group, []).append(item)
    groups = sorted(grouped.items(), key=lambda pair: (pair[0] is None, -len(pair[1]), pair[0] or ""))
    scale = opacity_of([v for i in items if i.mark == ON_SCALE and (v := i.value) is not None], True)
    grids: list[Grid] = []
    shown: list[Item] = []
    stood_for = 0
    for group, own in groups[:_MOST_GRIDS]:
        folded = _folded(own)
        placed = _placed(folded, most - len(shown))
        if placed:
            grids.append(_grid(group, placed, scale, plural(len(own), noun)))
            shown += placed
            stood_for += sum(len(folded[item.layer, item.kind]) for item in placed)
    if not grids:
        return None
    return Heat(
        title,
        tuple(grids),
        _ends([v for i in items if i.mark == ON_SCALE and (v := i.value) is not None]),
        tuple(mark for mark in MARKS if any(i.mark == mark for i in shown)),
        any(i.odd for i in shown),
        len(items) - stood_for,
    )


def _ends(values: Sequence[float]) -> tuple[str, str, str] | None:
    low, high = ends(values, True)
    if low is None or high is None:
        return None
    return number(low), number(math.sqrt(low) * math.sqrt(high)), number(high)


Key = tuple[int | None, str]
_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")


def without_numbers(kind: str) -> str:
    """``mlp.experts.17.up_proj`` -> ``mlp.experts.*.up_proj``: what all experts of a layer share."""
    return _NUMBER.sub("*", kind)


def _folded(items: Sequence[Item]) -> dict[Key, list[Item]]:
    """Items by place; the experts of a layer share one where kinds are too many for a row each."""
    many = len({item.kind for item in items}) > _MOST_ROWS
    found: dict[Key, list[Item]] = {}
    for item in items:
        kind = without_numbers(item.kind) if many and item.layer is not None else item.kind
        found.setdefault((item.layer, kind), []).append(item)
    return found


def _placed(folded: dict[Key, list[Item]], room: int) -> list[Item]:
    kinds = list(dict.fromkeys(kind for _, kind in folded))[:_MOST_ROWS]
    layers = set(sorted({-1 if layer is None else layer for layer, _ in folded})[:_MOST_LAYERS])
    made = [
        _together(key, own)
        for key, own in folded.items()
        if key[1] in kinds and (-1 if key[0] is None else key[0]) in layers
    ]
    return made[: max(room, 0)]


def _together(key: Key, items: Sequence[Item]) -> Item:
    """One item for several modules: the largest value, and how many of them have none."""
    if len(items) == 1 and items[0].kind == key[1]:
        return items[0]
    values = [item.value for item in items if item.mark == ON_SCALE and item.value is not None]
    counts = [(mark, sum(item.mark == mark for item in items)) for mark in MARKS]
    parts = [plural(len(items), "module")]
    if values:
        parts.append(f"{number(min(values))} to {number(max(values))}")
    parts += [f"{count} {mark}" for mark, count in counts if count]
    return replace(
        items[0],
        kind=key[1],
        value=max(values, default=None),
        mark=ON_SCALE if values else max(counts, key=lambda pair: pair[1])[0],
        text=f"{place(*key)}: {', '.join(parts)}",
        odd=any(item.odd for item in items) or (bool(values) and any(count for _, count in counts)),
    )


def place(layer: int | None, kind: str) -> str:
    """``layer 3 mlp.down_proj``; without a layer the name alone."""
    name = shorten_middle(one_line(kind), 120)
    return name if layer is None else f"layer {layer} {name}"


def _grid(
    group: str | None, items: Sequence[Item], scale: Callable[[float], float | None], count: str
) -> Grid:
    kinds = list(dict.fromkeys(item.kind for item in items))
    columns = _columns(items)
    side = next((side for most, side in _CELLS if len(columns) <= most), _CELLS[-1][1])
    labels = {kind: shorten_middle(one_line(kind), _LABEL) for kind in kinds}
    start = round(max(map(width_of, labels.values())) * _PER_CHARACTER) + 12
    step = side + GAP
    xs = {layer: start + index * step for index, layer in enumerate(columns)}
    ys = {kind: TOP + index * step for index, kind in enumerate(kinds)}
    return Grid(
        group="outside of layers" if group is None else group,
        about=count if group is None else f"{count} in layers {columns[0]} to {columns[-1]}",
        width=start + len(columns) * step + EDGE,
        height=TOP + len(kinds) * step + EDGE,
        side=side,
        label=start - 6,
        cells=tuple(_cell(item, xs[item.layer], ys[item.kind], scale) for item in items),
        rows=tuple((y + side / 2 + 3.5, labels[kind]) for kind, y in ys.items()),
        columns=tuple(_numbers(xs, side)) if group is not None else (),
    )


def _columns(items: Iterable[Item]) -> list[int | None]:
    """Every layer from the first to the last, also those without a module, where they have room."""
    numbers = sorted({item.layer for item in items if item.layer is not None})
    if not numbers:
        return [None]
    if numbers[-1] - numbers[0] < _MOST_LAYERS:
        return list(range(numbers[0], numbers[-1] + 1))
    return list(numbers)


def _numbers(xs: dict[int | None, int], side: int) -> Iterator[tuple[float, str]]:
    every = 1 if len(xs) <= 16 else 5 if len(xs) <= 60 else 10
    for index, (layer, x) in enumerate(xs.items()):
        if index % every == 0 and layer is not None:
            yield x + side / 2, str(layer)


def _cell(item: Item, x: int, y: int, scale: Callable[[float], float | None]) -> Cell:
    opacity = scale(item.value) if item.mark == ON_SCALE and item.value is not None else None
    mark = item.mark if opacity is not None or item.mark else "unknown"
    return Cell(x, y, opacity, mark, item.text, item.odd)
