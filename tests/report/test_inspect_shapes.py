"""Drawings of an inspection: places, scales, ticks, and numbers that no scale holds."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model.inspection import (
    AdapterInspection,
    CurveInspection,
    Inspection,
    ModuleInspection,
    OptimizerFacts,
    ParameterFacts,
    ReachInspection,
    RunInspection,
    ScheduleFacts,
    StateInspection,
    StepRow,
    TensorInspection,
)
from auditor.report.inspect import _shapes as shapes
from auditor.report.inspect import html
from auditor.report.inspect._grid import Heat, Item, heat
from auditor.report.inspect._plots import SMALL, Plot, Series, plot
from tests.report.test_html import Page


def drawn(*items: Item, most: int = 4000) -> Heat:
    made = heat("x", items, most)
    assert made is not None
    return made


def item(
    layer: int | None, kind: str = "q", value: float | None = 1.0, mark: str = "", group: str = "layers"
) -> Item:
    return Item(group, layer, kind, value, mark, f"{layer} {kind}")


def test_the_geometric_mean_is_in_the_middle_of_the_scale() -> None:
    """Opacity runs from 0.07 to 1 by the logarithm: sqrt(0.01 * 1) = 0.1 lies half way, 0.07 + 0.93 / 2."""
    made = drawn(item(0, value=0.01), item(1, value=0.1), item(2, value=1.0))
    assert [cell.opacity for cell in made.grids[0].cells] == pytest.approx([0.07, 0.535, 1.0], abs=0.006)
    assert made.ends == ("0.01", "0.1", "1")


def test_towers_share_one_scale_and_have_their_own_grids() -> None:
    made = drawn(
        item(0, value=1.0), item(1, value=100.0), item(0, value=10.0, group="v"), item(None, "head", 100.0)
    )
    assert [(grid.group, len(grid.cells)) for grid in made.grids] == [
        ("layers", 2),
        ("v", 1),
        ("outside of layers", 1),
    ]
    assert [grid.cells[0].opacity for grid in made.grids] == pytest.approx([0.07, 0.535, 1.0], abs=0.006)


def test_layers_without_a_module_leave_their_place_empty() -> None:
    """Cells are 20 units wide and 2 apart where layers are few: layer 4 stands 4 * 22 right of layer 0."""
    (grid,) = drawn(item(0), item(4)).grids
    assert grid.cells[1].x - grid.cells[0].x == 88
    assert [label for _, label in grid.columns] == ["0", "1", "2", "3", "4"]


def test_experts_share_a_cell_where_they_are_too_many_for_rows() -> None:
    items = [item(layer, f"experts.{e}.up", 1.0 + e, "") for layer in range(2) for e in range(50)]
    items[7] = item(0, "experts.7.up", 0.0, "dead")
    made = drawn(*items)
    (grid,) = made.grids
    assert [cell.text for cell in grid.cells] == [
        "layer 0 experts.*.up: 50 modules, 1 to 50, 1 dead",
        "layer 1 experts.*.up: 50 modules, 1 to 50",
    ]
    assert [cell.odd for cell in grid.cells] == [True, False]
    assert made.left_out == 0


def test_few_experts_have_a_row_each() -> None:
    (grid,) = drawn(*[item(0, f"experts.{e}.up") for e in range(8)]).grids
    assert len(grid.rows) == 8


def test_what_is_cut_is_counted() -> None:
    assert drawn(*map(item, range(500))).left_out == 500 - 128
    assert drawn(*map(item, range(50)), most=30).left_out == 20
    assert heat("x", [], 30) is None


def scaled(made: Plot | None) -> Plot:
    assert made is not None
    return made


def test_a_decade_is_as_high_as_the_next_on_a_log_axis() -> None:
    """The small frame's box is y 116 (bottom) to 8 (top): 1, 10, 100 lie 54 apart."""
    made = scaled(plot("x", [Series("s", ((1, 1.0), (2, 10.0), (3, 100.0)))], frame=SMALL, log=True))
    assert [label for _, label in made.y_ticks] == ["1", "10", "100"]
    assert [y for y, _ in made.y_ticks] == [116.0, 62.0, 8.0]
    assert made.series[0].path == "M50 116L146 62L242 8"


def test_zero_and_less_break_the_line_on_a_log_axis() -> None:
    made = scaled(plot("x", [Series("s", ((1, 1.0), (2, 0.0), (3, 10.0), (4, 1.0)))], log=True))
    assert made.series[0].path.count("M") == 2


def test_a_line_that_hardly_moves_is_flat_and_its_labels_differ() -> None:
    made = scaled(plot("x", [Series("s", tuple((step, 3.612 + step * 1e-6) for step in range(9)))]))
    heights = {float(y) for y in re.findall(r"[ML]\S+ (\S+?)(?=L|$)", made.series[0].path)}
    assert max(heights) - min(heights) <= 0.1
    labels = [label for _, label in made.y_ticks]
    assert len(set(labels)) == len(labels)


def test_labels_have_room_beside_the_axis() -> None:
    for value in (1.05e-4, 3e-5, 123456.0, 0.12345, 1e-300, 1e100):
        made = scaled(plot("x", [Series("s", ((1, value), (2, value * 1.37)))]))
        assert max(len(label) for _, label in made.y_ticks) <= 9


def test_a_spectrum_is_the_median_within_the_extremes() -> None:
    """Three modules with first values 1, 10, 100: the line begins at 10, the band goes from 1 to 100."""
    spectra = ((1.0, 0.5), (10.0, 5.0), (100.0, 50.0))
    modules = tuple(
        ModuleInspection(f"l.{n}.q", "l", n, "q", norm=1.0, spectrum=s, effective_rank=1.0 + n)
        for n, s in enumerate(spectra)
    )
    (made,), more = shapes.spectra(AdapterInspection("", modules=modules))
    band, line = made.series
    # values 0.5 to 100 get an axis of 0.1 to 100: three decades on 108 units, 36 each
    assert line.path.startswith("M50 44L")
    assert band.path.startswith("M50 8L")
    assert band.path.endswith("L50 80Z")
    assert made.says == "3 modules, effective rank 1–3 of 2"
    assert more == 0


def test_committed_points_off_the_curve_have_another_colour() -> None:
    curve = ((0, 0.0), (10, 1.0))
    states = [
        StateInspection(
            f"checkpoint-{n}", n, schedule=ScheduleFacts(curve=curve, last_epoch=n, last_lr=(lr,), agrees=ok)
        )
        for n, lr, ok in ((5, 0.5, True), (10, 0.2, False))
    ]
    made = scaled(shapes.schedule(RunInspection("", states=tuple(states))))
    assert [(one.paint, len(one.dots)) for one in made.series] == [("head", 2), ("good", 1), ("bad", 1)]
    assert made.series[2].dots[0][2] == "checkpoint-10: rate 0.2 at step 10"


ANY = st.floats(allow_nan=True, allow_infinity=True)
SOME = st.none() | ANY
STEPS = st.integers(-(2**80), 2**80) | st.integers(0, 100)
POINTS = st.lists(st.tuples(STEPS, ANY), min_size=1, max_size=6).map(
    lambda found: tuple(sorted(found, key=lambda point: point[0]))
)


@settings(max_examples=25)
@given(st.lists(st.tuples(SOME, st.lists(ANY, max_size=4), SOME), min_size=1, max_size=5), POINTS, st.data())
def test_any_number_leaves_a_page_whose_coordinates_are_finite(
    numbers: list[tuple[float | None, list[float], float | None]],
    points: tuple[tuple[int, float], ...],
    data: st.DataObject,
) -> None:
    modules = tuple(
        ModuleInspection(
            f"layers.{n}.q",
            "layers",
            n,
            "q",
            rank=n,
            norm=norm,
            spectrum=tuple(spectrum),
            effective_rank=rank,
        )
        for n, (norm, spectrum, rank) in enumerate(numbers)
    )
    tensors = (TensorInspection("t", "F32", (1,), 4, "layers.0.q", "a"),)
    adapter = AdapterInspection(
        "", path="a", parameters=1, modules=modules, tensors=tensors, norm=numbers[0][0]
    )
    moments = {"exp_avg": data.draw(ANY)}
    optimizer = OptimizerFacts("o", by_parameter=(ParameterFacts(0, "t", (1,), 1.0, moments),))
    schedule = ScheduleFacts(curve=points, last_epoch=points[0][0], last_lr=(data.draw(ANY),), says="s")
    rows = tuple(StepRow(s, f"checkpoint-{s}", v, v, v, v, v, "different", v, v, v, v, v) for s, v in points)
    run = RunInspection(
        "",
        adapters=(adapter,),
        states=(StateInspection("", 1, optimizer=optimizer, schedule=schedule),),
        steps=rows,
        curves=(CurveInspection("loss", "p", points),),
        reach=ReachInspection(
            "usual", "s", 1, data.draw(SOME), data.draw(SOME), {"layers.0.q": data.draw(ANY)}
        ),
    )
    page = Page(html.render(Inspection("x", runs=(run,))))
    for name in ("d", "x", "y", "cx", "cy", "width", "height", "fill-opacity"):
        for value in page.values(name):
            assert not re.search(r"nan|inf|None", value), (name, value)
    assert all(math.isfinite(float(value)) for value in page.values("cx"))
