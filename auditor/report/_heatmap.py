"""Modules by layer as a grid of cells: how long each update is, how far it moved."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from auditor.model import AdapterComparison, ModuleUpdate
from auditor.report._text import number, shorten

CELL, GAP = 14, 2
LABEL_WIDTH, TOP = 132, 18
_MOST_ROWS, _MOST_LAYERS, _MOST_GROUPS = 24, 128, 3
_FAINTEST = 0.07
_LONGEST_NAME = 400
_LAYER = re.compile(r"(?P<prefix>.*?)\.?\b(?P<layer>\d{1,4})\.(?P<kind>.+)")


@dataclass(frozen=True, slots=True)
class Cell:
    """One module; ``opacity`` is None for a value without a place on the scale."""

    x: int
    y: int
    opacity: float | None
    zero: bool
    text: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Layers from left to right, kinds of module from top to bottom; sizes in drawing units (pixels)."""

    title: str
    group: str
    width: int
    height: int
    cells: tuple[Cell, ...]
    rows: tuple[tuple[int, str], ...]
    columns: tuple[tuple[int, str], ...]
    low: str
    high: str
    left_out: int


def heat_maps(item: AdapterComparison) -> list[HeatMap]:
    """Norms of the head and relative distances, for each of the largest groups of layers."""
    made: list[HeatMap] = []
    for group, modules in _groups(item.modules)[:_MOST_GROUPS]:
        made.append(_map("Norm of the head's update, log scale", group, modules, lambda m: m.head_norm, True))
        if any(module.base_norm for _, _, module in modules):
            made.append(_map("Relative distance of base and head", group, modules, _distance, False))
    return made


def _distance(module: ModuleUpdate) -> float:
    return module.relative_distance


Placed = tuple[int, str, ModuleUpdate]


def _groups(modules: Sequence[ModuleUpdate]) -> list[tuple[str, list[Placed]]]:
    """(what stands before the layer's number, its modules), largest first; modules without one are left."""
    found: dict[str, list[Placed]] = {}
    for module in modules:
        if (placed := layered(module.module)) is not None:
            prefix, layer, kind = placed
            found.setdefault(prefix, []).append((layer, kind, module))
    return sorted(found.items(), key=lambda group: (-len(group[1]), group[0]))


def layered(name: str) -> tuple[str, int, str] | None:
    """A module's name as (what stands before its layer's number, the number, what stands behind); None without one."""
    match = _LAYER.fullmatch(name[:_LONGEST_NAME])
    return None if match is None else (match["prefix"], int(match["layer"]), match["kind"])


def _map(
    title: str, group: str, modules: Sequence[Placed], value: Callable[[ModuleUpdate], float], log: bool
) -> HeatMap:
    kinds = list(dict.fromkeys(kind for _, kind, _ in modules))[:_MOST_ROWS]
    layers = sorted({layer for layer, _, _ in modules})[:_MOST_LAYERS]
    shown = [placed for placed in modules if placed[0] in layers and placed[1] in kinds]
    scale = opacity_of([value(module) for _, _, module in shown], log)
    rows = {kind: TOP + index * (CELL + GAP) for index, kind in enumerate(kinds)}
    columns = {layer: LABEL_WIDTH + index * (CELL + GAP) for index, layer in enumerate(layers)}
    low, high = ends([value(module) for _, _, module in shown], log)
    return HeatMap(
        title=title,
        group=group,
        width=LABEL_WIDTH + len(layers) * (CELL + GAP) + 4,
        height=TOP + len(kinds) * (CELL + GAP) + 4,
        cells=tuple(
            _cell(columns[layer], rows[kind], value(module), scale, f"layer {layer} {kind}")
            for layer, kind, module in shown
        ),
        rows=tuple((y + CELL - 3, shorten(kind, 20)) for kind, y in rows.items()),
        columns=layer_labels(columns),
        low=number(low),
        high=number(high),
        left_out=len(modules) - len(shown),
    )


def layer_labels(columns: Mapping[int, int]) -> tuple[tuple[int, str], ...]:
    every = 1 if len(columns) <= 12 else 5 if len(columns) <= 60 else 10
    places = enumerate(columns.items())
    return tuple((x + CELL // 2, str(layer)) for index, (layer, x) in places if index % every == 0)


def _cell(x: int, y: int, value: float, scale: Callable[[float], float | None], where: str) -> Cell:
    return Cell(x, y, scale(value), value == 0, f"{where}: {number(value)}")


def ends(values: Sequence[float], log: bool) -> tuple[float | None, float | None]:
    usable = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    return (min(usable), max(usable)) if usable else (None, None)


def opacity_of(values: Sequence[float], log: bool) -> Callable[[float], float | None]:
    """Value to opacity, the smallest faint; None for NaN, infinities and zero on a log scale."""
    low, high = ends(values, log)

    def opacity(value: float) -> float | None:
        if low is None or high is None or not math.isfinite(value) or (log and value <= 0):
            return None
        top, bottom, at = (math.log(high), math.log(low), math.log(value)) if log else (high, low, value)
        share = 1.0 if top == bottom else (at - bottom) / (top - bottom)
        return round(_FAINTEST + (1 - _FAINTEST) * share, 2)

    return opacity
