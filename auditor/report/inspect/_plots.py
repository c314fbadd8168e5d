"""Lines over steps or indices as shapes, linear or logarithmic; the template only writes them down."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.report._charts import Scale, drawable, ticks, value_range

Points = Sequence[tuple[int, float]]
_TINY, _DECADES = 1e-300, 5
"""Values below _TINY have no logarithm worth a place; a log axis has at most _DECADES labels."""
_LABEL = 7
"""Characters for which there is room beside an axis."""
_FLAT, _AROUND = 1e-3, 0.1
"""A line that moves less than _FLAT of its size is drawn with _AROUND of it on both sides."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The drawing's size and the box of its lines, in drawing units."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


WIDE = Frame(560, 230, 56, 546, 12, 190)
SMALL = Frame(250, 150, 50, 242, 8, 116)


@dataclass(frozen=True, slots=True)
class Series:
    """Points to draw. ``kind`` is line, dots or band; a band goes along ``points`` and back along ``lower``.

    ``paint`` is the class and ``stroke`` the colour without a style sheet; ``texts`` are a dot's tooltips.
    """

    name: str
    points: Points
    kind: str = "line"
    paint: str = "head"
    stroke: str = "#0969da"
    lower: Points = ()
    texts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """One series in drawing units: ``path`` in SVG path syntax, ``dots`` as (x, y, text)."""

    name: str
    kind: str
    paint: str
    stroke: str
    path: str
    dots: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """One drawing: ticks are (position, label), ``says`` stands below it."""

    title: str
    frame: Frame
    axis: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    series: tuple[Drawn, ...]
    says: str = ""
    log: bool = False


def plot(
    title: str,
    series: Sequence[Series],
    axis: str = "optimizer step",
    *,
    frame: Frame = WIDE,
    log: bool = False,
    span: tuple[float, float] | None = None,
    at: Sequence[int] = (),
    says: str = "",
) -> Plot | None:
    """A drawing of every finite value (above zero where ``log``); None without any.

    ``span`` fixes the range of y, ``at`` the ticks of x.
    """
    given = {id(one): _usable(one.points, log) for one in series}
    every = [p for points in given.values() for p in points if math.isfinite(p[1])]
    if not every:
        return None
    x = Scale(*value_range([step for step, _ in every]), frame.left, frame.right)
    low, high = span or (min(v for _, v in every), max(v for _, v in every))
    y_ticks = _log_ticks(low, high) if log else ticks(*_room(low, high))
    y = _Height(frame, min(low, y_ticks[0]), max(high, y_ticks[-1]), log)
    return Plot(
        title,
        frame,
        axis,
        tuple((x(t), _label(t)) for t in at or ticks(x.low, x.high, 1.0) if x.low <= t <= x.high),
        tuple((y(t), _label(t)) for t in y_ticks),
        tuple(_drawn(one, given[id(one)], x, y) for one in series if given[id(one)]),
        says,
        log,
    )


def _room(low: float, high: float) -> tuple[float, float]:
    """The range of y; what moves less than a label can tell is a flat line in the middle."""
    size = max(abs(low), abs(high))
    if high - low > _FLAT * size:
        return low, high
    return value_range([low - _AROUND * size, high + _AROUND * size])


@dataclass(frozen=True, slots=True)
class _Height:
    """A value's y, by its logarithm where ``log``."""

    frame: Frame
    low: float
    high: float
    log: bool

    def __call__(self, value: float) -> float:
        low, high, at = (
            (math.log10(self.low), math.log10(self.high), math.log10(max(value, self.low)))
            if self.log
            else (self.low, self.high, value)
        )
        return Scale(low, high, self.frame.bottom, self.frame.top)(at)


def _label(value: float) -> str:
    """Four digits in at most seven characters or so: ``0.001``, ``1.05e-4``."""
    plain = f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e+")
    return (
        plain
        if len(plain) <= _LABEL
        else f"{value:.2e}".replace(".00", "").replace("e-0", "e-").replace("e+0", "e+")
    )


def _usable(points: Points, log: bool) -> list[tuple[int, float]]:
    return [(s, v if not log or v > _TINY else math.nan) for s, v in drawable(points)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten around the range, fewer of them where there are many; 1, 2, 5 where it is short."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    last = max(last, first + 1)
    if last - first <= 1:
        inside = [f * 10.0**first for f in (1, 2, 5, 10)]
        lower = max((t for t in inside if t <= low), default=inside[0])
        upper = min((t for t in inside if t >= high), default=inside[-1])
        return [t for t in inside if lower <= t <= upper] if upper > lower else inside
    step = math.ceil((last - first) / _DECADES)
    return [10.0**power for power in range(last, first - step, -step)][::-1]


def _drawn(one: Series, points: Points, x: Scale, y: _Height) -> Drawn:
    if one.kind == "band":
        back = [(s, v) for s, v in reversed(_usable(one.lower, y.log)) if math.isfinite(v)]
        there = [(s, v) for s, v in points if math.isfinite(v)]
        path = "M" + "L".join(f"{x(s):g} {y(v):g}" for s, v in (*there, *back)) + "Z"
        return Drawn(one.name, one.kind, one.paint, one.stroke, path, ())
    if one.kind == "dots":
        texts = one.texts or [f"{one.name}, step {s}: {v:.6g}" for s, v in one.points]
        dots = [(x(s), y(v), text) for (s, v), text in zip(points, texts, strict=False) if math.isfinite(v)]
        return Drawn(one.name, one.kind, one.paint, one.stroke, "", tuple(dots))
    path, pen = "", "M"
    for s, v in points:
        path, pen = (path + f"{pen}{x(s):g} {y(v):g}", "L") if math.isfinite(v) else (path, "M")
    dots = [(x(s), y(v), f"{one.name}, step {s}: {v:.6g}") for s, v in points if math.isfinite(v)]
    return Drawn(one.name, one.kind, one.paint, one.stroke, path, tuple(dots) if len(dots) <= 120 else ())
