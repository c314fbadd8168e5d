"""The terminal's view of an inspection: at most 80 columns, no character of the repository that a terminal obeys."""

import re
from collections.abc import Callable
from functools import cache

import numpy
import pytest

from auditor.engine.inspect import InspectOptions, inspect, side_by_side
from auditor.model import Snapshot
from auditor.model.inspection import Inspection
from auditor.report._text import width_of
from auditor.report.inspect import _tables, terminal
from auditor.report.inspect._spark import curve, fitted, scale
from auditor.report.inspect._view import SIDE_TABLES, TABLES, View
from tests.builders import adapter_folders as made
from tests.builders.repositories import healthy, seed

EVIL = "model.layers.0.\x1b[31mq_proj\u202e\r\n" + "x" * 300


def hostile() -> Snapshot:
    config = {
        "base_model_name_or_path": "\x1b]0;title\x07" + "b" * 500,
        "target_modules": ["\x9b", "q" * 900],
    }
    files = made.folder(made.factors(1, [EVIL, "lm_head", *made.modules(2)]), "\x1b[2Jfolder", **config)
    return made.snapshot({**files, "\x1b[2Jfolder/optimizer.pt": b"nothing"}, "\x1b[31mname")


SNAPSHOTS: dict[str, Callable[[], Snapshot]] = {
    "honest": healthy,
    "real": seed,
    "hostile": hostile,
    "empty": lambda: made.snapshot({}),
    "many": lambda: made.snapshot({k: v for n in range(9) for k, v in made.run(2, f"run{n}").items()}),
    "long": lambda: made.snapshot(made.run(26, layers=40)),
}


@cache
def looked(name: str, numbers: bool) -> Inspection:
    return inspect(SNAPSHOTS[name](), InspectOptions(numbers=numbers))


@pytest.mark.parametrize("numbers", [True, False])
@pytest.mark.parametrize("name", SNAPSHOTS)
def test_lines_fit_and_hold_nothing_that_a_terminal_obeys(name: str, numbers: bool) -> None:
    found = looked(name, numbers)
    for width in (60, 80, 120):
        text = terminal.render(found, View(width=width))
        assert max(map(width_of, text.splitlines())) <= width, text
        assert not {char for char in text if ord(char) < 32 and char != "\n"}
        assert not set(text) & {"\x9b", "\u202e", "\x7f"}


@pytest.mark.parametrize("name", ["honest", "real", "many", "long"])
def test_a_terminal_without_utf_8_gets_ascii(name: str) -> None:
    assert terminal.render(looked(name, True), View(ascii=True)).isascii()


def test_colour_only_when_asked_for() -> None:
    found = inspect(healthy())
    assert "\x1b" not in terminal.render(found)
    coloured = terminal.render(found, View(colour=True))
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == terminal.render(found)


def test_side_by_side_fits_too() -> None:
    one, two = made.factors(1, [EVIL, *made.modules(9)]), made.factors(2, [EVIL, *made.modules(9)])
    found = side_by_side(
        made.snapshot(made.folder(one), "\x1b[31m"), made.snapshot(made.folder(two)), tensors=True
    )
    for width in (60, 80, 120):
        text = terminal.render(found, View(width=width, tensors=True))
        assert max(map(width_of, text.splitlines())) <= width, text
        assert not {char for char in text if ord(char) < 32 and char != "\n"}


def test_dead_missing_and_bad_modules_are_marked_where_they_stand() -> None:
    factors = made.factors(1, made.modules(6, ["q_proj"]))
    names = list(factors)
    factors[names[1]] = (factors[names[1]][0], numpy.zeros_like(factors[names[1]][1]))
    factors[names[2]][1][0, 0] = numpy.nan
    del factors[names[4]]
    text = terminal.render(inspect(made.snapshot(made.folder(factors))))
    (row,) = [line for line in text.splitlines() if line.startswith("  q_proj")]
    spark = row.split()[-1]
    assert (len(spark), spark[1], spark[2], spark[4]) == (6, "×", "!", "·")
    assert "! not finite" in text
    assert "! dead" in text
    assert "! missing" in text


def test_levels_are_even_on_a_log_scale() -> None:
    """0.01 to 1 in steps of a decade's half: five values over eight levels."""
    character = scale([0.01, 1.0])
    assert [character(v) for v in (0.01, 0.0316, 0.1, 0.316, 1.0)] == ["▁", "▂", "▅", "▆", "█"]
    assert [character(v) for v in (0.0, float("nan"), float("inf"), None)] == ["×", "!", "!", "?"]
    assert scale([2.0, 2.0])(2.0) == "▄"


def test_many_layers_keep_their_marks_when_squeezed() -> None:
    assert fitted(["▁"] * 7 + ["·"] + ["▃"] * 8, 4) == "▁·▃▃"


def test_a_curve_is_the_mean_of_its_parts() -> None:
    assert curve([(step, float(step)) for step in range(8)], 4) == "▁▃▅█".replace("▅", "▆")
    assert curve([(1, float("nan")), (2, 1.0)], 8) == "!▄"


def test_the_tables_are_those_that_are_promised() -> None:
    assert (*_tables.MAKERS, "curves") == TABLES
    assert tuple(_tables.SIDE_MAKERS) == SIDE_TABLES
