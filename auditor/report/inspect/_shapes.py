"""What of an inspection is drawn: norms and moments by layer, spectra by kind, schedule, curves, checkpoints."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from auditor.model import AdapterComparison, ModuleUpdate
from auditor.model.inspection import (
    AdapterInspection,
    CurveInspection,
    ModuleInspection,
    OptimizerFacts,
    ParameterFacts,
    RunInspection,
    ScheduleFacts,
    StepRow,
)
from auditor.report._heatmap import layered
from auditor.report._text import number, one_line, plural, shorten, shorten_middle
from auditor.report.inspect._grid import ON_SCALE, Heat, Item, heat, place, without_numbers
from auditor.report.inspect._plots import SMALL, Plot, Points, Series, plot

_MOST_SPECTRA, _MOST_SINGULAR, _MOST_CURVES = 24, 48, 12
_FLOOR = 1e-8
"""Singular values below this share of the largest one are rounding, and drawn at it."""


def norms(adapter: AdapterInspection, most: int) -> Heat | None:
    """The length of each module's update; modules that are missing or dead stand where they would be."""
    return heat("Length of the update |ΔW|", [_norm_item(module) for module in adapter.modules], most)


def _norm_item(module: ModuleInspection) -> Item:
    mark = "missing" if module.has("missing") else _mark(module.norm)
    said = [f"|ΔW| {number(module.norm)}"] if module.norm is not None else []
    said += [f"rank {module.rank}"] if module.rank is not None else []
    said += [f"effective rank {module.effective_rank:.3g}"] if module.effective_rank else []
    said += [one_line(shorten(f"{found.word}: {found.says}", 160)) for found in module.conditions]
    odd = mark == ON_SCALE and bool(module.conditions)
    where = place(module.layer, module.kind or module.module)
    return Item(
        module.group, module.layer, module.kind, module.norm, mark, f"{where}: {', '.join(said)}", odd
    )


def _mark(value: float | None, zero: str = "dead") -> str:
    if value is None:
        return "unknown"
    if not math.isfinite(value):
        return "not finite"
    return ON_SCALE if value > 0 else zero


def optimizer_of(run: RunInspection) -> OptimizerFacts | None:
    """The last optimizer state that is known by parameter."""
    found = [s.optimizer for s in run.states if s.optimizer is not None and s.optimizer.by_parameter]
    return found[-1] if found else None


def moments(run: RunInspection, most: int) -> list[Heat]:
    """The norms of each parameter's moments in the last state that has them by parameter."""
    optimizer = optimizer_of(run)
    if optimizer is None:
        return []
    parts = _parts_of_tensors(run)
    names = dict.fromkeys(name for p in optimizer.by_parameter for name in p.moments)
    found = (_moment(name, optimizer.by_parameter, parts, most) for name in list(names)[:2])
    return [one for one in found if one is not None]


Part = tuple[str, int | None, str]


def _parts_of_tensors(run: RunInspection) -> dict[str, Part]:
    """Tensor names as (group, layer, ``kind · lora_A``)."""
    found: dict[str, Part] = {}
    for adapter in run.adapters:
        modules = {module.module: module for module in adapter.modules}
        for tensor in adapter.tensors:
            module = modules.get(tensor.module)
            if module is not None:
                kind = f"{module.kind} {tensor.part.upper()}"
                found[tensor.name] = (module.group, module.layer, kind)
    return found


def _moment(
    name: str, parameters: Sequence[ParameterFacts], parts: dict[str, Part], most: int
) -> Heat | None:
    items: list[Item] = []
    for parameter in parameters:
        known = parts.get(parameter.tensor or "")
        if known is None:
            continue
        value = parameter.moments.get(name)
        steps = "" if parameter.step is None else f", {parameter.step:g} steps"
        text = f"{place(known[1], known[2])}: {name} {number(value)}{steps}"
        items.append(Item(*known, value, _mark(value), text))
    return heat(f"Norm of {one_line(shorten(name, 40))}", items, most, "tensor")


def reached(run: RunInspection, most: int) -> Heat | None:
    """How far lora_B of each module lies from zero, in sums of the learning rates."""
    shares = run.reach.modules if run.reach is not None else {}
    known = {module.module: module for adapter in run.adapters for module in adapter.modules}
    items: list[Item] = []
    for name, share in shares.items():
        module = known.get(name)
        group, layer, kind = (module.group, module.layer, module.kind) if module else ("", None, name)
        items.append(Item(group, layer, kind, share, _mark(share), f"{place(layer, kind)}: {number(share)}"))
    return heat("Largest |lora_B| in sums of the learning rates", items, most)


def distances(found: AdapterComparison, most: int) -> list[Heat]:
    """How far each module of the two sides is apart, and how long the head's update is."""
    far = heat(
        "Relative distance of base and head",
        [_side(m, m.relative_distance, "equal") for m in found.modules],
        most,
    )
    long = heat(
        "Length of the head's update |ΔW|", [_side(m, m.head_norm, "dead") for m in found.modules], most
    )
    return [one for one in (far, long) if one is not None]


def _side(module: ModuleUpdate, value: float, zero: str) -> Item:
    group, layer, kind = layered(module.module) or ("", None, module.module)
    text = (
        f"{place(layer, kind)}: distance {number(module.relative_distance)}, cosine {number(module.cosine)}, "
        f"|ΔW| {number(module.base_norm)} → {number(module.head_norm)}"
    )
    return Item(group, layer, kind, value, _mark(value, zero), text)


def spectra(adapter: AdapterInspection) -> tuple[list[Plot], int]:
    """The singular values of each kind of module, all on one axis, and how many kinds are not drawn."""
    kinds = _kinds(adapter.modules, lambda kind: kind)
    if len(kinds) > _MOST_SPECTRA:
        kinds = _kinds(adapter.modules, without_numbers)
    sizes = Counter(module.group for module in adapter.modules if module.layer is not None)
    shown = sorted(kinds.items(), key=lambda pair: -sizes[pair[0][0]])[:_MOST_SPECTRA]
    values = [v for _, own in shown for m in own for v in m.spectrum if math.isfinite(v) and v > 0]
    if not values:
        return [], 0
    high = max(values)
    floor = max(min(values), high * _FLOOR)
    drawn = [_spectrum(kind or one_line(own[0].module), own, (floor, high)) for (_, kind), own in shown]
    return [one for one in drawn if one is not None], len(kinds) - len(shown)


Kinds = dict[tuple[str, str], list[ModuleInspection]]


def _kinds(modules: Sequence[ModuleInspection], named: Callable[[str], str]) -> Kinds:
    """Modules with a spectrum, by what stands before the layer's number and by kind."""
    found: Kinds = {}
    for module in modules:
        if any(math.isfinite(value) and value > 0 for value in module.spectrum):
            found.setdefault((module.group, named(module.kind)), []).append(module)
    return found


def _spectrum(kind: str, modules: Sequence[ModuleInspection], span: tuple[float, float]) -> Plot | None:
    longest = max(len(module.spectrum) for module in modules)
    every = max(math.ceil(longest / _MOST_SINGULAR), 1)
    indices = [*range(0, longest - 1, every), longest - 1]
    values = [[_above(m.spectrum[i], span[0]) for m in modules if i < len(m.spectrum)] for i in indices]
    steps = [(i + 1, own) for i, own in zip(indices, values, strict=True)]
    band = Series(
        "all modules",
        [(s, max(own)) for s, own in steps],
        "band",
        "warm",
        lower=[(s, min(own)) for s, own in steps],
    )
    line = Series("median", [(s, median(own)) for s, own in steps])
    ranks = [m.effective_rank for m in modules if m.effective_rank is not None]
    between = (
        f"{min(ranks):.3g}" if len(ranks) == 1 else f"{min(ranks):.3g}–{max(ranks):.3g}" if ranks else "–"
    )
    says = f"{plural(len(modules), 'module')}, effective rank {between} of {longest}"
    series = [line] if len(modules) == 1 else [band, line]
    title = shorten_middle(one_line(kind), 30)
    at = sorted({1, (longest + 1) // 2, longest})
    return plot(title, series, "index", frame=SMALL, log=True, span=span, at=at, says=says)


def _above(value: float, floor: float) -> float:
    return max(value, floor) if math.isfinite(value) else floor


def schedule(run: RunInspection) -> Plot | None:
    """The closed form of the schedule, and on it what each folder's scheduler state says."""
    known = [(s.folder, s.schedule) for s in run.states if s.schedule is not None]
    curves = [found for _, found in known if found.curve]
    if not curves:
        return None
    series = [Series("closed form", curves[-1].curve)]
    series += [made for agrees in (True, False) if (made := _committed(known, agrees)).points]
    return plot("Learning-rate schedule", series, says=curves[-1].says)


def _committed(known: Sequence[tuple[str, ScheduleFacts]], agrees: bool) -> Series:
    points: list[tuple[int, float]] = []
    texts: list[str] = []
    for folder, found in known:
        if found.last_epoch is not None and found.last_lr and (found.agrees is not False) == agrees:
            points.append((found.last_epoch, found.last_lr[0]))
            texts.append(f"{one_line(folder) or '.'}: rate {found.last_lr[0]:.6g} at step {found.last_epoch}")
    name = "in scheduler.pt" if agrees else "in scheduler.pt, not on the curve"
    paint, stroke = ("good", "#1a7437") if agrees else ("bad", "#b91c2b")
    return Series(name, points, "dots", paint, stroke, texts=texts)


_FIRST = ("loss", "learning_rate", "grad_norm", "eval_loss")


def curves(found: Sequence[CurveInspection]) -> tuple[list[Plot], int]:
    """A drawing of each logged number, loss first, and how many are not drawn; those logged once are not counted."""
    several = sorted((c for c in found if len(c.points) > 1), key=_rank)
    shown = several[:_MOST_CURVES]
    return [one for one in map(_curve, shown) if one is not None], len(several) - len(shown)


def _rank(curve: CurveInspection) -> tuple[int, str]:
    short = curve.tag.rpartition("/")[2]
    return (_FIRST.index(short) if short in _FIRST else len(_FIRST), curve.tag)


def _curve(curve: CurveInspection) -> Plot | None:
    odd = sum(not math.isfinite(value) for _, value in curve.points)
    figures = f"{number(curve.first)} → {number(curve.last)}, lowest {number(curve.lowest)}"
    says = f"{plural(len(curve.points), 'point')}, {figures}"
    if odd:
        says += f"; {plural(odd, 'value')} not finite"
    name = shorten_middle(one_line(curve.tag), 60)
    return plot(name, [Series(name, curve.points)], says=says)


_OVER_STEPS: Sequence[tuple[str, Callable[[StepRow], float | None]]] = (
    ("Length of the update |ΔW|", lambda row: row.norm),
    ("Change to the checkpoint before, relative", lambda row: row.change),
    ("Effective rank, median of the modules", lambda row: row.effective_rank),
    ("Norm of the gradients' mean (first moment)", lambda row: row.first_moment),
)
_ENOUGH = 3
"""Checkpoints from which a line says more than the table."""


def over_steps(rows: Sequence[StepRow]) -> list[Plot]:
    """What the checkpoints hold as lines over their steps."""
    return list(_over_steps(rows))


def _over_steps(rows: Sequence[StepRow]) -> Iterator[Plot]:
    for title, get in _OVER_STEPS:
        points: dict[int, float] = {}
        for row in rows:
            value = get(row)
            if row.step is not None and value is not None:
                points.setdefault(row.step, value)
        made: Points = sorted(points.items())
        drawn = (
            plot(title, [Series(title, made)])
            if len(made) >= _ENOUGH and any(value for _, value in made)
            else None
        )
        if drawn is not None:
            yield drawn
