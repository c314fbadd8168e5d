"""Curves as shapes: series in drawing units, ticks, labels. The template only writes them down."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.model import CurveComparison, Report
from auditor.report._view import all_curves

Points = Sequence[tuple[int, float]]

WIDTH, HEIGHT = 560, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 546, 12, 190
_MOST_POINTS = 400
_LARGEST = 1e150
"""Values and steps beyond this are not drawn: their differences leave the range of a double."""

_FLAT, _TINY = 1e-9, 1e-300
"""A curve that moves less than one part in 10^9 is drawn flat; ticks below _TINY would underflow."""

_FIRST_TAGS = ("loss", "learning_rate", "eval_loss", "grad_norm")
STYLES: Mapping[str, tuple[str, str]] = {
    "base": ("#8c959f", "5 4"),
    "head": ("#0969da", ""),
    "rerun": ("#bc4c00", "2 3"),
}
"""Stroke and dash of each series; style.css overrides the strokes in the dark."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line: ``path`` in SVG path syntax, ``marks`` (x, y, text) for points worth a tooltip."""

    name: str
    stroke: str
    dash: str
    path: str
    marks: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One scalar by step. Ticks are (position, label), ``difference`` the first one's (x, step)."""

    tag: str
    run: str
    series: tuple[Series, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    difference: tuple[float, int] | None
    caption: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps a range of values to a range of drawing units."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = 0.5 if self.high == self.low else (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def charts(report: Report) -> list[Chart]:
    """A chart a curve, loss and learning rate first; the rerun's points join the curve of their tag."""
    rerun = dict(report.rerun.curves or {}) if report.rerun else {}
    rerun_path = report.rerun.run if report.rerun else ""
    made: list[Chart | None] = []
    for run, curve in all_curves(report):
        again = rerun.pop(_short(curve.tag), None) if run in (rerun_path, "") else None
        made.append(_chart(curve, run, again or ()))
    made += [
        _chart(CurveComparison(tag, None, None, (), (), None, None), rerun_path, points)
        for tag, points in sorted(rerun.items())
    ]
    return sorted((chart for chart in made if chart is not None), key=lambda chart: _rank(chart.tag))


def _short(tag: str) -> str:
    return tag.rpartition("/")[2]


def _rank(tag: str) -> tuple[int, str]:
    short = _short(tag)
    return (_FIRST_TAGS.index(short) if short in _FIRST_TAGS else len(_FIRST_TAGS), tag)


def _chart(curve: CurveComparison, run: str, rerun: Points) -> Chart | None:
    given = {"base": curve.base, "head": curve.head, "rerun": rerun}
    drawn = {name: drawable(points) for name, points in given.items()}
    every = [point for points in drawn.values() for point in points if math.isfinite(point[1])]
    if not every:
        return None
    x = Scale(*value_range([step for step, _ in every]), _LEFT, _RIGHT)
    low, high = value_range([value for _, value in every])
    ticks_y = ticks(low, high)
    y = Scale(min(low, ticks_y[0]), max(high, ticks_y[-1]), _BOTTOM, _TOP)
    first = curve.first_difference
    return Chart(
        tag=curve.tag,
        run=run,
        series=tuple(_series(name, points, x, y) for name, points in drawn.items() if points),
        x_ticks=tuple(
            (x(tick), label(tick)) for tick in ticks(x.low, x.high, 1.0) if x.low <= tick <= x.high
        ),
        y_ticks=tuple((y(tick), label(tick)) for tick in ticks_y),
        difference=(x(first), first) if first is not None and x.low <= first <= x.high else None,
        caption=_caption(curve, given),
    )


def _caption(curve: CurveComparison, given: Mapping[str, Points]) -> str:
    parts: list[str] = []
    if curve.base and curve.head:
        parts.append(
            "base and head agree at every step"
            if curve.first_difference is None
            else f"base and head part at step {curve.first_difference}"
        )
        if curve.max_gap:
            parts.append(f"largest gap {curve.max_gap:.4g}")
    odd = sum(not math.isfinite(value) for points in given.values() for _, value in points)
    if odd:
        parts.append(f"{odd} {'value is' if odd == 1 else 'values are'} not finite")
    return "; ".join(parts)


def drawable(points: Points) -> list[tuple[int, float]]:
    """At most 400 points, the extremes of each bucket kept; what is not finite stays, to break the line."""
    kept = [(s, v) for s, v in points if abs(s) < 2**53 and not (math.isfinite(v) and abs(v) > _LARGEST)]
    if len(kept) <= _MOST_POINTS:
        return kept
    size = math.ceil(2 * len(kept) / _MOST_POINTS)
    thinned: list[tuple[int, float]] = []
    for start in range(0, len(kept), size):
        bucket = [point for point in kept[start : start + size] if math.isfinite(point[1])]
        if bucket:
            extremes = {min(bucket, key=lambda p: p[1]), max(bucket, key=lambda p: p[1])}
            thinned += sorted(extremes)
    return thinned


def value_range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    size = max(abs(low), abs(high))
    if high - low <= _FLAT * size or size < _TINY:
        around = size / 2 if size >= _TINY else 1.0
        return low - around, high + around
    return low, high


def ticks(low: float, high: float, least: float = 0.0) -> list[float]:
    """Four to eight round numbers around ``low`` to ``high``: 1, 2 or 5 times a power of ten apart."""
    rough = max((high - low) / 5, least)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = math.floor(low / step + _FLAT), math.ceil(high / step - _FLAT)
    return [float(f"{index * step:.10g}") for index in range(first, last + 1)]


def label(value: float) -> str:
    return f"{value:.4g}"


def _series(name: str, points: Iterable[tuple[int, float]], x: Scale, y: Scale) -> Series:
    stroke, dash = STYLES[name]
    path: list[str] = []
    marks: list[tuple[float, float, str]] = []
    pen = "M"
    for step, value in points:
        if not math.isfinite(value):
            pen = "M"
            continue
        place = x(step), y(value)
        path.append(f"{pen}{place[0]:g} {place[1]:g}")
        marks.append((*place, f"{name}, step {step}: {value:.6g}"))
        pen = "L"
    return Series(name, stroke, dash, "".join(path), tuple(marks) if len(marks) <= 120 else ())
