"""Modules by layer: places, scales, what has no place on a scale."""

import math

import pytest

from auditor.model import AdapterComparison, ModuleUpdate
from auditor.report._heatmap import heat_maps
from tests.builders import reports


def _adapter(*modules: ModuleUpdate) -> AdapterComparison:
    return AdapterComparison("a", "b", "different", modules=modules)


def test_one_column_a_layer_and_one_row_a_kind() -> None:
    norms, distances = heat_maps(reports.adapter_comparison(34))
    assert len(norms.cells) == len(distances.cells) == 34 * 7
    assert [label for _, label in norms.rows][:2] == ["self_attn.q_proj", "self_attn.k_proj"]
    assert [label for _, label in norms.columns] == ["0", "5", "10", "15", "20", "25", "30"]
    assert norms.group == "base_model.model.model.language_model.layers"


def test_the_log_scale_puts_the_geometric_mean_in_the_middle() -> None:
    modules = [ModuleUpdate(f"layers.{n}.q", 0.0, norm, 0.0, 1.0) for n, norm in enumerate((0.01, 0.1, 1.0))]
    (norms,) = heat_maps(_adapter(*modules))
    # opacity runs from 0.07 to 1; sqrt(0.01 * 1) = 0.1 lies half way: 0.07 + 0.93 / 2
    assert [cell.opacity for cell in norms.cells] == pytest.approx([0.07, 0.535, 1.0], abs=0.006)
    assert (norms.low, norms.high) == ("0.01", "1")


def test_zero_and_what_is_no_number_stand_apart() -> None:
    values = (0.0, math.nan, math.inf, 2.0)
    modules = [ModuleUpdate(f"layers.{n}.q", 0.0, norm, 0.0, 1.0) for n, norm in enumerate(values)]
    (norms,) = heat_maps(_adapter(*modules))
    assert [cell.opacity for cell in norms.cells] == [None, None, None, 1.0]
    assert [cell.zero for cell in norms.cells] == [True, False, False, False]
    assert [cell.text for cell in norms.cells][1:3] == ["layer 1 q: NaN", "layer 2 q: ∞"]


def test_towers_have_their_own_maps_and_modules_without_a_layer_none() -> None:
    found = heat_maps(
        _adapter(
            ModuleUpdate("vision.layers.0.q", 0, 1.0, 0, 1),
            ModuleUpdate("language.layers.0.q", 0, 1.0, 0, 1),
            ModuleUpdate("language.layers.1.q", 0, 1.0, 0, 1),
            ModuleUpdate("lm_head", 0, 1.0, 0, 1),
        )
    )
    assert [(item.group, len(item.cells)) for item in found] == [("language.layers", 2), ("vision.layers", 1)]


def test_a_flood_of_layers_is_cut_and_counted() -> None:
    modules = [ModuleUpdate(f"layers.{n}.q", 0.0, 1.0, 0.0, 1.0) for n in range(500)]
    (norms,) = heat_maps(_adapter(*modules))
    assert len(norms.cells) == 128
    assert norms.left_out == 372


def test_a_hostile_name_takes_no_time() -> None:
    assert heat_maps(_adapter(ModuleUpdate("1" * 100_000 + "\n", 0, 1.0, 0, 1))) == []
