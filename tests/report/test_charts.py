"""Curves as shapes: ticks, scales, gaps, thinning."""

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model import CurveComparison, Report
from auditor.report._charts import HEIGHT, WIDTH, Chart, Points, charts, ticks
from tests.builders import reports


def _with(base: Points, head: Points, tag: str = "loss", first: int | None = None) -> Report:
    healthy = reports.healthy()
    curve = CurveComparison(tag, "a", "b", tuple(base), tuple(head), first, None)
    return replace(healthy, runs=(replace(healthy.runs[0], curves=(curve,)),))


def _only(report: Report) -> Chart:
    (chart,) = charts(report)
    return chart


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        # steps of 1, 2 or 5 times a power of ten, a fifth of the range at least: by hand
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1.2, 3.8, [1, 2, 3, 4]),
        (0, 3e-05, [0, 1e-05, 2e-05, 3e-05]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_the_ends_of_a_straight_line() -> None:
    chart = _only(_with((), ((0, 0.0), (10, 1.0))))
    # the drawing's inner box is x 56..546, y 190 (bottom) .. 12 (top)
    assert chart.series[0].path == "M56 190L546 12"
    assert chart.x_ticks[0] == (56.0, "0")
    assert chart.y_ticks[-1] == (12.0, "1")


def test_a_value_that_is_no_number_breaks_the_line_and_is_counted() -> None:
    chart = _only(_with((), ((0, 0.0), (1, math.nan), (2, 1.0), (3, 1.0))))
    assert chart.series[0].path.count("M") == 2
    assert "1 value is not finite" in chart.caption


def test_the_first_difference_is_marked() -> None:
    chart = _only(_with(((0, 1.0), (10, 2.0)), ((0, 1.0), (10, 3.0)), first=5))
    assert chart.difference == (301.0, 5)
    assert "part at step 5" in chart.caption


def test_loss_and_learning_rate_come_first_and_the_rerun_joins_its_curve() -> None:
    found = charts(reports.rich())
    assert [chart.tag for chart in found] == ["train/loss", "train/learning_rate", "train/grad_norm"]
    assert [series.name for series in found[0].series] == ["base", "head", "rerun"]


def test_a_rerun_curve_without_a_committed_one_is_drawn_alone() -> None:
    report = reports.rich()
    assert report.rerun is not None
    alone = replace(report, runs=(), rerun=replace(report.rerun, curves={"eval_loss": ((1, 2.0), (2, 1.0))}))
    assert [series.name for series in _only(alone).series] == ["rerun"]


def test_nothing_drawable_is_no_chart() -> None:
    assert charts(_with(((1, math.nan),), ((1, math.inf),))) == []
    assert charts(_with((), ((10**400, 1.0), (1, 1e300)))) == []


def test_thinning_keeps_the_extremes() -> None:
    points = [(step, math.sin(step / 50)) for step in range(10_000)]
    points[4321] = (4321, 9.0)
    points[8765] = (8765, -9.0)
    path = _only(_with((), points)).series[0].path
    assert path.count("L") < 450
    heights = [float(number) for number in re.findall(r" ([\d.]+)", path)]
    assert min(heights) == pytest.approx(20.9, abs=0.1)  # 9 on a scale from -10 to 10: 12 + 178 / 20
    assert max(heights) == pytest.approx(181.1, abs=0.1)


@given(st.lists(st.tuples(st.integers(), st.floats()), max_size=30))
def test_any_points_stay_inside_the_drawing(points: list[tuple[int, float]]) -> None:
    for chart in charts(_with(sorted(points), ())):
        for series in chart.series:
            numbers = [float(number) for number in re.findall(r"-?[\d.]+(?:e[+-]?\d+)?", series.path)]
            assert all(0 <= x <= WIDTH for x in numbers[::2])
            assert all(0 <= y <= HEIGHT for y in numbers[1::2])
        assert 1 <= len(chart.y_ticks) <= 12
