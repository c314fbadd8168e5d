"""The page of an inspection: self-contained, every module in its place, marks that differ, never too large."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy
import pytest

from auditor.engine.inspect import InspectOptions, inspect, side_by_side
from auditor.model import Snapshot
from auditor.model.inspection import (
    AdapterInspection,
    Condition,
    Inspection,
    InspectionComparison,
    ModuleInspection,
    ReachInspection,
    RunInspection,
    SeedInspection,
)
from auditor.report._text import number
from auditor.report.inspect import html
from auditor.report.inspect._sections import LIMITS
from auditor.report.inspect._shapes import optimizer_of
from tests.builders import adapter_folders as made
from tests.builders.command import audit
from tests.builders.repositories import healthy, seed
from tests.builders.safetensors import make_arrays
from tests.report.hostile import TEXT
from tests.report.test_html import Page

MARKUP = "<script>alert(1)</script>\"' onload=x </style> {{ 7*7 }} \x1b[31m\u202e"


def hostile() -> Snapshot:
    values = {
        "base_model_name_or_path": MARKUP * 9,
        "target_modules": [MARKUP, "q" * 900],
        "task_type": MARKUP,
    }
    names = [f"model.layers.0.{MARKUP}", "lm_head", *made.modules(2)]
    files = made.folder(made.factors(1, names), "<b>folder", **values)
    return made.snapshot({**files, "<b>folder/optimizer.pt": b"nothing"}, MARKUP)


def spoiled() -> Inspection:
    """Six layers of one kind: dead, NaN and missing ones among them."""
    factors = made.factors(1, made.modules(6, ["q_proj"]))
    names = list(factors)
    factors[names[1]] = (factors[names[1]][0], numpy.zeros_like(factors[names[1]][1]))
    factors[names[2]][1][0, 0] = numpy.nan
    del factors[names[4]]
    return inspect(made.snapshot(made.folder(factors)))


def sides() -> InspectionComparison:
    one, two = made.factors(1), made.factors(2)
    two[made.modules()[0]] = one[made.modules()[0]]
    first = made.snapshot(made.folder(one), MARKUP)
    return side_by_side(first, made.snapshot(made.folder(two, lora_dropout=0.2)), tensors=True)


def large(layers: int, experts: int) -> Inspection:
    """An adapter of layers x experts modules with long names, each with a condition."""
    modules = tuple(
        ModuleInspection(
            f"model.layers.{layer}.mlp.experts.{expert}.up_proj" + "x" * 300,
            "model.layers",
            layer,
            f"mlp.experts.{expert}.up_proj" + "x" * 300,
            (64, 64),
            16,
            2.0,
            norm=1.0 + layer,
            spectrum=tuple(1.0 / (i + 1) for i in range(64)),
            effective_rank=9.0,
            conditions=(Condition("half-trained", "y" * 3000),),
        )
        for layer in range(layers)
        for expert in range(experts)
    )
    adapter = AdapterInspection("", path="adapter_model.safetensors", parameters=1, modules=modules)
    return Inspection("large", runs=(RunInspection("", adapters=(adapter,)),))


SNAPSHOTS: dict[str, Callable[[], Snapshot]] = {
    "honest": healthy,
    "real": seed,
    "hostile": hostile,
    "empty": lambda: made.snapshot({}),
    "many": lambda: made.snapshot({k: v for n in range(7) for k, v in made.run(1, f"r{n}").items()}),
}


@cache
def rendered(name: str) -> str:
    found: Inspection | InspectionComparison
    if name == "sides":
        found = sides()
    elif name == "spoiled":
        found = spoiled()
    else:
        found = inspect(SNAPSHOTS[name]())
    return html.render(found)


EVERY = ("honest", "real", "hostile", "empty", "many", "spoiled", "sides")


@pytest.fixture(params=EVERY)
def page(request: pytest.FixtureRequest) -> Page:
    return Page(rendered(request.param))


def test_has_no_script_and_loads_nothing(page: Page) -> None:
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base", "use"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "style")]
    assert all(value.startswith("#") for value in page.values("href"))
    assert all(value.startswith("url(#hatch-") for value in page.values("fill") if "url" in value)


def test_forbids_everything_but_its_own_style(page: Page) -> None:
    (policy,) = [v for tag, _, v in page.attributes if tag == "meta" and v.startswith("default")]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")


def test_every_link_leads_somewhere_and_every_name_is_its_own(page: Page) -> None:
    names = page.values("id")
    assert len(names) == len(set(names))
    assert {value.removeprefix("#") for value in page.values("href")} <= set(names)
    assert {v[5:-1] for v in page.values("fill") if v.startswith("url(")} <= set(names)


def test_shapes_carry_their_own_paint(page: Page) -> None:
    """Without a style sheet a shape without fill and stroke would be a black blot."""
    for tag in ("rect", "circle", "text"):
        assert len([1 for t, n, _ in page.attributes if t == tag and n == "fill"]) == page.tags[tag]


@pytest.mark.parametrize("name", EVERY)
def test_every_line_has_its_own_stroke(name: str) -> None:
    body = rendered(name).split("</head>")[1]
    for tag in re.findall(r"<path [^>]*>", body):
        assert " stroke=" in tag, tag


def test_the_style_calls_nothing_from_outside() -> None:
    style = rendered("honest").split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_says_what_it_is_first() -> None:
    top = Page(rendered("honest").split("<nav")[0].split("</head>")[1].replace("<body>", "")).text
    assert "LoRA adapter of " in top
    assert re.search(r"\d+ modules", top)
    assert "optimizer steps" in top


def test_every_module_is_in_the_map_and_in_the_table() -> None:
    found = inspect(healthy())
    adapter = found.runs[0].adapter
    assert adapter is not None
    text = html.render(found)
    page = Page(text)
    for module in adapter.modules:
        assert f"layer {module.layer} {module.kind}: |ΔW| " in page.text
        assert module.module in page.text
    assert page.text.count("effective rank") >= len(adapter.modules)


def cells(text: str, mark: str) -> list[str]:
    """Tooltips of the cells that are drawn with a class."""
    return re.findall(rf"<title>([^<]*)</title><rect class=\"{mark}\"", text)


def test_dead_missing_and_bad_modules_are_drawn_in_their_own_ways() -> None:
    text = rendered("spoiled")
    assert [t.partition(":")[0] for t in cells(text, "dead-cell")] == ["layer 1 q_proj"]
    assert [t.partition(":")[0] for t in cells(text, "spoiled")] == ["layer 2 q_proj"]
    assert [t.partition(":")[0] for t in cells(text, "lack-cell")] == ["layer 4 q_proj"]
    warm = re.findall(r"<rect class=\"warm\"[^>]*><title>layer (\d)", text)
    assert warm == ["0", "3", "5"]
    for words in ("dead: the update is zero", "missing: no tensors", "NaN or infinite"):
        assert words in Page(text).text


def test_legend_holds_only_marks_that_occur() -> None:
    text = Page(rendered("honest")).text
    assert "missing: no tensors" not in text
    assert "NaN or infinite" not in text


def test_what_is_missing_stands_among_the_layers_of_the_file() -> None:
    """The known base spells its layers in another way than the file does; both are one map."""
    kinds = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
    names = [f"model.language_model.layers.{layer}.{kind}" for layer in range(34) for kind in kinds]
    names.remove("model.language_model.layers.7.self_attn.k_proj")
    files = made.folder(
        made.factors(3, names),
        base_model_name_or_path="google/gemma-3-4b-pt",
        target_modules=r".*language_model.*\.(q|k|v|o)_proj",
    )
    text = html.render(inspect(made.snapshot(files)))
    assert [t.partition(":")[0] for t in cells(text, "lack-cell")] == ["layer 7 self_attn.k_proj"]
    assert text.count('class="lack-cell"') == 2, "the cell and its mark in the legend"
    assert "136 modules in layers 0 to 33" in text


def test_names_of_others_are_text() -> None:
    for name in ("hostile", "sides"):
        text = rendered(name)
        assert "<script" not in text
        assert "<b>folder" not in text
        assert text.count("</style>") == 1
        assert not set(text) & {"\x1b", "\u202e", "\x9b"}
    assert "{{ 7*7 }}" in rendered("hostile")
    assert "\\x1b[31m\\u202e" in rendered("hostile")


def test_hostile_words_of_every_field_are_text() -> None:
    run = RunInspection(
        TEXT,
        platform=TEXT,
        base=TEXT,
        training_args={TEXT: TEXT},
        training_args_class=TEXT,
        seed=SeedInspection("proved", TEXT, TEXT, 42, TEXT, TEXT, 1, 2, 0.9, 0.1, -9.0, 3, 7),
        reach=ReachInspection(TEXT, TEXT, 9, 0.1, 0.2, {TEXT: 0.5}),
    )
    text = html.render(Inspection(TEXT, runs=(run, run), notes=(TEXT,)))
    Page(text)
    assert "<script" not in text
    assert text.count("</style>") == 1
    assert not set(text) & {"\x1b", "\u202e", "\x9b"}


def test_the_seed_is_shown_with_its_odds() -> None:
    """The correlation's bar is 160 units long for 1; the next best seed is a stroke on it: 0.05 * 160 = 8."""
    says = "seed 42 proved on 15 of 15 untrained modules"
    found = SeedInspection(
        "proved", says, seed=42, source="x.json", correlation=0.75, next_best=0.05, odds=-250.0
    )
    reach = ReachInspection("impossible", "no schedule reaches this", 9, 0.018, 0.5, {"layers.0.q": 40.0})
    text = html.render(Inspection("x", runs=(RunInspection("", seed=found, reach=reach),)))
    for words in (says, "seed, proved", "10 250", "from x.json", "impossible", "allows 0.5 at most", "q: 40"):
        assert words in Page(text).text
    assert 'class="bar-fill" width="120.0"' in text
    assert 'd="M8.0 0V10"' in text


def test_checkpoints_have_a_bar_as_long_as_their_change() -> None:
    """B grows evenly: from step 1 to 2 by half of the new length, from 2 to 3 by a third: bars of 1 and 2/3."""
    text = html.render(inspect(made.snapshot(made.run(3))))
    bars = [float(width) for width in re.findall(r'class="bar-fill" width="([\d.]+)"', text)]
    assert bars == pytest.approx([84.0, 56.0], abs=0.1)
    assert "scaled, 0.5" in text
    assert "scaled, 0.333" in text


def test_the_schedule_carries_the_committed_points() -> None:
    text = Page(rendered("honest")).text
    assert "Learning-rate schedule" in text
    assert "closed form" in text
    assert re.search(r"checkpoint-\d+: rate \S+ at step \d+", text)


def test_without_numbers_the_map_says_that_nothing_was_measured() -> None:
    text = Page(html.render(inspect(healthy(), InspectOptions(numbers=False)))).text
    assert "not measured" in text
    assert "Values of tensors were not asked for" in text


def test_the_relation_comes_first_and_equal_modules_are_marked() -> None:
    found = sides()
    text = html.render(found)
    top = text.split("<nav")[0]
    assert f'<span class="word {found.comparison.relation}">' in top
    assert [t.partition(":")[0] for t in cells(text, "blank")] == ["layer 0 self_attn.q_proj"]
    words = Page(text).text
    assert all(module in words for module in made.modules())
    assert "lora_dropout" in words
    assert "16 of 18 differ" in words, "both factors of the equal module are equal"


def test_a_flood_of_modules_stays_a_page_and_says_so() -> None:
    text = html.render(large(60, 100))
    assert len(text.encode()) < 3_000_000
    assert f"{60 * 100 - LIMITS['modules']:,} more modules are in the JSON." in Page(text).text


def test_a_hundred_checkpoints_are_one_table() -> None:
    rows = inspect(made.snapshot(made.run(2))).runs[0]
    many = replace(
        rows,
        steps=tuple(
            replace(rows.steps[0], step=s, folder=f"checkpoint-{s}", norm=1.0 + s) for s in range(1000)
        ),
    )
    text = html.render(Inspection("x", runs=(many,)))
    assert len(text.encode()) < 1_000_000
    assert f"{1000 - LIMITS['steps']} more checkpoints are in the JSON." in Page(text).text


def test_a_flood_of_runs_is_listed() -> None:
    run = large(40, 40).runs[0]
    found = Inspection("x", runs=tuple(replace(run, path=f"r{n}") for n in range(500)))
    text = html.render(found)
    assert len(text.encode()) < 3_000_000
    assert f"{500 - LIMITS['runs'] - LIMITS['listed']} more runs are in the JSON." in Page(text).text


def test_moments_of_every_parameter_stand_in_the_map_and_in_the_table() -> None:
    found = inspect(healthy())
    optimizer = optimizer_of(found.runs[0])
    assert optimizer is not None
    text = Page(html.render(found)).text
    for parameter in optimizer.by_parameter:
        assert f" {parameter.tensor} " in text
        for name, value in parameter.moments.items():
            assert f"{name} {number(value)}, " in text


def test_tensors_of_no_module_have_a_table() -> None:
    files = made.folder(made.factors(1, made.modules(1)))
    model = make_arrays({"model.embed_tokens.weight": numpy.zeros((7, 3), numpy.float32)})
    text = Page(html.render(inspect(made.snapshot({**files, "whole/model.safetensors": model})))).text
    assert "1 tensor of no LoRA module as a table" in text
    assert "model.embed_tokens.weight 7×3 F32 84 B" in text


def test_the_command_writes_the_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = ("inspect", "candidate", "--repo", "fixtures/tiny/repo.bundle")
    done = audit(capsys, *target, "--format", "html", "--output", f"html={tmp_path / 'page.html'}")
    assert done.code == 0
    assert done.out == (tmp_path / "page.html").read_text()
    assert "<h1>LoRA adapter of tiny-labs/tiny-gemma3: 14 modules at rank 8" in done.out


def test_numbers_that_break_scales_do_not_break_the_page() -> None:
    norms = (0.0, math.nan, math.inf, 5e-324, 1e308, None)
    modules = tuple(
        ModuleInspection(f"layers.{n}.q", "layers", n, "q", norm=norm, spectrum=(norm or 0.0,))
        for n, norm in enumerate(norms)
    )
    adapter = AdapterInspection("", path="a", parameters=1, modules=modules, norm=math.nan)
    text = Page(html.render(Inspection("x", runs=(RunInspection("", adapters=(adapter,)),)))).text
    for n in range(len(norms)):
        assert f"layer {n} q:" in text
