"""What the page says of one run, decided before the template writes it: tiles, rows, drawings, what is left out."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from auditor.model.inspection import (
    AdapterInspection,
    GeneratorFacts,
    ModuleInspection,
    OptimizerFacts,
    RunInspection,
    StepRow,
    TensorInspection,
)
from auditor.report._text import listing, number, one_line, shorten_middle, size_text, value_text
from auditor.report.inspect import _shapes as shapes
from auditor.report.inspect import _states as states
from auditor.report.inspect import _words as words
from auditor.report.inspect._facts import WORST, facts_of
from auditor.report.inspect._grid import Heat
from auditor.report.inspect._lines import short
from auditor.report.inspect._plots import Plot

LIMITS = {
    "runs": 6,
    "listed": 100,
    "modules": 500,
    "of several": 150,
    "steps": 150,
    "arguments": 200,
    "generators": 40,
    "unread": 60,
}
"""Most rows of each kind on the page, ``of several`` modules where it shows several runs; the JSON has all."""
_CELLS = 8000
"""Cells that all runs share: half of them for the norms, a quarter for each further map."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure of the first screen; ``of`` stands small behind it, ``kind`` is its colour."""

    figure: str
    label: str
    target: str
    kind: str = "calm"
    of: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """A table: its heads and rows of cells; ``bars`` are shares (0 to 1) for a bar in each row, or None."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...], str, float | None], ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """One run on the page; ``start`` begins the names of its anchors."""

    run: RunInspection
    start: str
    sentence: str
    tiles: tuple[Tile, ...]
    facts: tuple[tuple[str, str], ...]
    conditions: tuple[tuple[str, bool, str], ...]
    loose: tuple[TensorInspection, ...]
    norms: Heat | None
    modules: tuple[ModuleInspection, ...]
    spectra: tuple[tuple[Plot, ...], int]
    steps: Columns | None
    over_steps: tuple[Plot, ...]
    schedule: Plot | None
    curves: tuple[tuple[Plot, ...], int]
    logged_once: tuple[tuple[str, str], ...]
    state: tuple[str, tuple[tuple[str, str], ...]] | None
    moments: tuple[Heat, ...]
    parameters: OptimizerFacts | None
    reached: Heat | None
    generators: tuple[tuple[str, GeneratorFacts], ...]
    arguments: tuple[tuple[str, str], ...]

    @property
    def rows(self) -> int:
        """Rows of this run's longest tables."""
        return LIMITS["of several" if self.start else "modules"]

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """(anchor, name) of the parts that have something to show."""
        parts = (
            ("adapter", "Adapter", self.facts or self.conditions),
            ("modules", "Modules", self.norms or self.modules),
            ("spectra", "Spectra", self.spectra[0]),
            ("steps", "Checkpoints", self.steps),
            ("curves", "Curves", self.schedule or self.curves[0] or self.logged_once),
            ("state", "State", self.state),
            ("seed", "Origin", self.run.seed or self.run.reach or self.generators),
            ("arguments", "Arguments", self.arguments),
        )
        return tuple((self.start + name, title) for name, title, there in parts if there)


def section(run: RunInspection, start: str, share: int) -> Section:
    """One run; it gets one ``share``-th of the page's cells."""
    adapter = run.adapter
    plots, more = shapes.spectra(adapter) if adapter is not None else ([], 0)
    drawn, undrawn = shapes.curves(run.curves)
    cells = _CELLS // share
    most = states.fullest(run.states) if run.states else None
    return Section(
        run,
        start,
        words.sentence(run),
        tuple(_tiles(run, adapter, start)),
        _filled(facts_of(run, adapter)) if adapter is not None else (),
        tuple((word, word in WORST, text) for word, text in words.condition_lines(adapter))
        if adapter
        else (),
        _loose(adapter) if adapter is not None else (),
        shapes.norms(adapter, cells // 2) if adapter is not None else None,
        _telling(adapter.modules) if adapter is not None else (),
        (tuple(plots), more),
        steps(run),
        tuple(shapes.over_steps(run.steps)),
        shapes.schedule(run),
        (tuple(drawn), undrawn),
        tuple((one_line(c.tag), number(c.last)) for c in run.curves if len(c.points) == 1)[:40],
        (words.folder(most.folder), _filled(states.facts_of(most))) if most is not None else None,
        tuple(shapes.moments(run, cells // 4)),
        shapes.optimizer_of(run),
        shapes.reached(run, cells // 4),
        _generators(run),
        tuple((one_line(key), value_text(value, 120)) for key, value in run.training_args.items()),
    )


def _filled(pairs: Iterator[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((label, text) for label, text in pairs if text)


def _telling(modules: Sequence[ModuleInspection]) -> tuple[ModuleInspection, ...]:
    """In the order of the file; where they are too many, those with something unusual first."""
    if len(modules) <= LIMITS["modules"]:
        return tuple(modules)
    return tuple(sorted(modules, key=lambda module: not module.conditions))


def _loose(adapter: AdapterInspection) -> tuple[TensorInspection, ...]:
    """Tensors of no module: a whole model's, heads, biases."""
    modules = {module.module for module in adapter.modules}
    return tuple(tensor for tensor in adapter.tensors if tensor.module not in modules)


def _tiles(run: RunInspection, adapter: AdapterInspection | None, start: str) -> Iterator[Tile]:
    if adapter is not None:
        yield from _adapter_tiles(adapter, start)
    counted = [s.trainer for s in run.states if s.trainer is not None and s.trainer.global_step is not None]
    if counted:
        last = max(counted, key=lambda item: item.global_step or 0)
        of = f"{last.max_steps:,}" if last.max_steps else ""
        yield Tile(f"{last.global_step or 0:,}", "optimizer steps", f"{start}state", of=of)
    if run.seed is not None:
        good = run.seed.verdict in ("proved", "consistent")
        figure = run.seed.verdict if run.seed.seed is None else str(run.seed.seed)
        label = "seed" if run.seed.seed is None else f"seed, {run.seed.verdict}"
        yield Tile(figure, label, f"{start}seed", "good word" if good else "warning word")


def _adapter_tiles(adapter: AdapterInspection, start: str) -> Iterator[Tile]:
    here = [module for module in adapter.modules if not module.has("missing")]
    if here:
        gone = len(adapter.modules) - len(here)
        of = f"{len(adapter.modules):,}" if gone else ""
        yield Tile(f"{len(here):,}", "modules", f"{start}modules", of=of)
    if adapter.ranks:
        yield Tile(listing(map(str, adapter.ranks), 3), "rank", f"{start}modules")
    if adapter.parameters is not None:
        yield Tile(_large(adapter.parameters), "parameters", f"{start}adapter")
    if adapter.norm is not None:
        yield Tile(short(adapter.norm), "|ΔW| in all", f"{start}modules")
    if adapter.bytes is not None and not here:
        yield Tile(size_text(adapter.bytes), "file", f"{start}adapter")
    for word, _ in words.condition_lines(adapter):
        count = len(adapter.with_condition(word))
        kind = "error" if word in WORST else "warning"
        yield Tile(f"{count:,}", one_line(word), f"{start}adapter", kind)


def _large(count: int) -> str:
    """``16,384``; from a million on ``3.67 M``."""
    for limit, unit in ((10**9, "G"), (10**6, "M")):
        if count >= limit:
            return f"{count / limit:.3g} {unit}"
    return f"{count:,}"


_STEP_COLUMNS: Sequence[tuple[str, Callable[[StepRow], float | None]]] = (
    ("loss", lambda r: r.loss),
    ("learning rate", lambda r: r.learning_rate),
    ("grad norm", lambda r: r.grad_norm),
    ("|ΔW|", lambda r: r.norm),
    ("effective rank", lambda r: r.effective_rank),
    ("max |A|", lambda r: r.largest_a),
    ("max |B|", lambda r: r.largest_b),
    ("first moment", lambda r: r.first_moment),
    ("second moment", lambda r: r.second_moment),
)


def steps(run: RunInspection) -> Columns | None:
    """A row a checkpoint; columns that no row fills are left out. The bar is the change, beside the largest one."""
    rows = run.steps
    if not rows or (len(rows) == 1 and not run.relations):
        return None
    columns = [(name, get) for name, get in _STEP_COLUMNS if any(get(row) is not None for row in rows)]
    seeded = any(row.seed is not None for row in rows)
    largest = max((r.change for r in rows if r.change is not None and math.isfinite(r.change)), default=0.0)
    heads = (*(name for name, _ in columns), *(("seed",) if seeded else ()))
    made = [
        (
            _label(row, run),
            (
                *(number(get(row)) for _, get in columns),
                *((("–" if row.seed is None else str(row.seed)),) if seeded else ()),
            ),
            _change(row),
            _share(row.change, largest),
        )
        for row in rows[: LIMITS["steps"]]
    ]
    return Columns(heads, tuple(made), len(rows) - len(made))


def _label(row: StepRow, run: RunInspection) -> str:
    """The step; a folder that is no checkpoint of that step is named."""
    if row.folder.rpartition("/")[2] == f"checkpoint-{row.step}":
        return f"{row.step:,}"
    inside = row.folder.removeprefix(f"{run.path}/") if row.folder != run.path else ""
    name = shorten_middle(one_line(inside), 40) or "final"
    return name if row.step is None else f"{row.step:,}, {name}"


def _change(row: StepRow) -> str:
    if row.relation is None:
        return one_line(row.why) if row.why else ""
    if row.relation == "identical" or row.change is None:
        return row.relation
    return f"{row.relation}, {row.change:.3g}"


def _share(change: float | None, largest: float) -> float | None:
    if change is None or not math.isfinite(change):
        return None
    return min(max(change / largest, 0.0), 1.0) if largest > 0 else 0.0


def _generators(run: RunInspection) -> tuple[tuple[str, GeneratorFacts], ...]:
    """Each generator of the last state that has any, with its process."""
    found = [state for state in run.states if state.processes]
    if not found:
        return ()
    return tuple(
        (one_line(process.path), generator)
        for process in found[-1].processes
        for generator in process.generators
    )
