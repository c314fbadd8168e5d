"""Modules by kind, one character a layer."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from auditor.model.inspection import AdapterInspection, ModuleInspection
from auditor.report._ansi import Paint
from auditor.report._text import one_line, shorten_middle, width_of
from auditor.report.inspect._lines import row, short, title
from auditor.report.inspect._spark import BAD, DEAD, MISSING, PRESENT, UNKNOWN, fitted, scale

_KINDS_SHOWN = 30
_GROUPS_SHOWN = 4
_NAME = 24
_LEAST = 8
"""Columns that layers get at least."""

Figure = tuple[str, int, Callable[[Sequence[ModuleInspection]], str]]


def table(adapter: AdapterInspection, paint: Paint, width: int) -> Iterator[str]:
    """One row a kind of module; dead and missing modules are marked where they stand."""
    if not adapter.modules:
        return
    measured = any(module.norm is not None for module in adapter.modules)
    yield title("Modules", _about(adapter, measured), paint, width)
    legend = _legend(adapter) if measured else ""
    if legend:
        yield paint(legend, "dim")
    usual = [module.norm for module in adapter.modules if not module.has("exploded")]
    character = scale(usual) if measured else _present
    groups = _grouped(adapter.modules)
    budget = _KINDS_SHOWN
    for group, modules in list(groups.items())[:_GROUPS_SHOWN]:
        if len(groups) > 1:
            name = shorten_middle(one_line(group), width - 4) if group else "outside of layers"
            yield paint(f"  {name}", "dim")
        yield from _group(modules, character, measured, budget, paint, width)
        budget = max(budget - len(_by_kind(modules)), 0)
    if not budget or len(groups) > _GROUPS_SHOWN:
        yield paint("  … and more kinds (--format json has all)", "dim")


def _present(value: float | None) -> str:
    return PRESENT


def _about(adapter: AdapterInspection, measured: bool) -> str:
    finite = [m.norm for m in adapter.modules if m.norm and m.norm == m.norm]
    usual = [
        m.norm for m in adapter.modules if m.norm and m.norm == m.norm and not m.has("exploded")
    ] or finite
    if not measured or not finite:
        return ""
    whole = short(math.hypot(*finite))
    return f"|ΔW| by layer, log scale {short(min(usual))} to {short(max(usual))}, in all {whole}"


def _legend(adapter: AdapterInspection) -> str:
    """The marks that stand for something in this table."""
    modules = adapter.modules
    marks = [f"{DEAD} dead"] if any(m.norm == 0 for m in modules) else []
    marks += [f"{MISSING} missing"] if any(m.has("missing") for m in modules) else []
    marks += [f"{BAD} not finite"] if any(m.norm != m.norm for m in modules) else []
    marks += (
        [f"{UNKNOWN} not measured"] if any(m.norm is None and not m.has("missing") for m in modules) else []
    )
    return "  " + "   ".join(marks) if marks else ""


def _grouped(modules: Sequence[ModuleInspection]) -> dict[str, list[ModuleInspection]]:
    found: dict[str, list[ModuleInspection]] = {}
    for module in modules:
        found.setdefault(module.group if module.layer is not None else "", []).append(module)
    return dict(sorted(found.items(), key=lambda item: (item[0] == "", -len(item[1]), item[0])))


def _by_kind(modules: Sequence[ModuleInspection]) -> dict[str, list[ModuleInspection]]:
    found: dict[str, list[ModuleInspection]] = {}
    for module in modules:
        found.setdefault(module.kind, []).append(module)
    return found


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of one group's table: the name's width, the figures that fit, and the room for layers."""

    name: int
    figures: Sequence[Figure]
    room: int

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.name, *(size for _, size, _ in self.figures))


def _group(
    modules: Sequence[ModuleInspection],
    character: Callable[[float | None], str],
    measured: bool,
    budget: int,
    paint: Paint,
    width: int,
) -> Iterator[str]:
    kinds = list(_by_kind(modules).items())[:budget]
    if not kinds:
        return
    numbers = [module.layer for module in modules if module.layer is not None]
    layers = range(min(numbers), max(numbers) + 1) if numbers else range(0)
    columns = _columns([kind for kind, _ in kinds], len(layers), measured, width)
    names = [name for name, _, _ in columns.figures]
    yield paint(row(("kind", *names, _span(layers, columns.room)), (*columns.widths, 1)), "dim")
    for kind, own in kinds:
        figures = [figure(own) for _, _, figure in columns.figures]
        spark = fitted(_cells(own, layers, character), columns.room)
        name = shorten_middle(one_line(kind), columns.name)
        yield row((name, *figures, spark), (*columns.widths, max(width_of(spark), 1)))


def _columns(kinds: Sequence[str], layers: int, measured: bool, width: int) -> _Columns:
    """As many figures as leave room for every layer; the rank, the shape and the norm always stay."""
    name = min(_NAME, max(4, *(width_of(one_line(kind)) for kind in kinds)))
    figures = list(_MEASURED if measured else _LISTED)
    while True:
        room = width - 4 - name - sum(size + 2 for _, size, _ in figures)
        if room >= max(layers, _LEAST) or len(figures) <= 2:
            return _Columns(name, figures, max(room, _LEAST))
        figures.pop()


def _span(layers: range, room: int) -> str:
    if not layers:
        return ""
    text = f"layers {layers[0]}–{layers[-1]}" if len(layers) > 1 else f"layer {layers[0]}"
    return text if len(text) <= room else text.partition(" ")[2][:room]


def _cells(
    modules: Sequence[ModuleInspection], layers: range, character: Callable[[float | None], str]
) -> list[str]:
    if not layers:
        return [_cell(module, character) for module in modules]
    by_layer = {module.layer: module for module in modules}
    return [_cell(by_layer[layer], character) if layer in by_layer else " " for layer in layers]


def _cell(module: ModuleInspection, character: Callable[[float | None], str]) -> str:
    return MISSING if module.has("missing") else character(module.norm)


def _rank(modules: Sequence[ModuleInspection]) -> str:
    ranks = [module.rank for module in modules if module.rank is not None]
    low, high = min(ranks, default=0), max(ranks, default=0)
    return "–" if not ranks else str(low) if low == high else f"{low}–{high}"


def _norm(modules: Sequence[ModuleInspection]) -> str:
    return short(max((m.norm for m in modules if m.norm is not None and m.norm == m.norm), default=None))


def _effective(modules: Sequence[ModuleInspection]) -> str:
    found = [m.effective_rank for m in modules if m.effective_rank is not None and m.norm]
    return short(sum(found) / len(found) if found else None)


def _largest(modules: Sequence[ModuleInspection]) -> str:
    return short(max((m.largest_b for m in modules if m.largest_b is not None), default=None))


def _shape(modules: Sequence[ModuleInspection]) -> str:
    shapes = list(dict.fromkeys(f"{m.shape[0]}×{m.shape[1]}" for m in modules if m.shape))
    return "–" if not shapes else shapes[0] if len(shapes) == 1 else f"{len(shapes)} shapes"


_MEASURED: Sequence[Figure] = (
    ("rank", 4, _rank),
    ("|ΔW|max", 7, _norm),
    ("eff.rank", 8, _effective),
    ("|B|max", 7, _largest),
    ("shape", 11, _shape),
)
_LISTED: Sequence[Figure] = (("rank", 4, _rank), ("shape", 13, _shape))
