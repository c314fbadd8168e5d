"""Two adapters side by side on 80 columns: the relation first, then modules, then what else differs."""

from collections.abc import Iterator

from auditor.model import ModuleUpdate
from auditor.model.inspection import InspectionComparison, Place, TensorRow
from auditor.report._ansi import Paint
from auditor.report._facts import fact_text
from auditor.report._text import one_line, plural, shorten, shorten_middle, wrapped
from auditor.report.inspect import _words as words
from auditor.report.inspect._lines import fact, row, short, title

_MODULES_SHOWN = 20
_TENSORS_SHOWN = 40
_FACTS_SHOWN = 8
_NOTES_SHOWN = 10
_COLOURS = {"identical": "green", "equivalent": "green", "scaled": "yellow", "different": "yellow"}


def blocks(found: InspectionComparison, paint: Paint, width: int, tensors: bool) -> Iterator[Iterator[str]]:
    """The blocks of the view; ``tensors`` adds the table of tensors."""
    yield _head(found, paint, width)
    yield _modules(found, paint, width)
    if tensors:
        yield _tensors(found, paint, width)
    yield _facts(found, paint, width)
    yield _unread(found, paint, width)


def _head(found: InspectionComparison, paint: Paint, width: int) -> Iterator[str]:
    word = found.comparison.relation
    lines = wrapped(found.says, width)
    for line in lines[:1]:
        end = len(word) if line.startswith(word) else 0
        yield paint(line[:end], _COLOURS.get(word, "red")) + line[end:]
    yield from lines[1:]
    yield from fact("base", _place(found.base), paint, width)
    yield from fact("head", _place(found.head), paint, width)


def _place(place: Place) -> str:
    commit = f" ({place.commit[:10]})" if place.commit else ""
    name = shorten(one_line(place.snapshot), 120)
    return f"{name}{commit}" + (f", {one_line(shorten(place.path, 200))}" if place.path else "")


def _modules(found: InspectionComparison, paint: Paint, width: int) -> Iterator[str]:
    item = found.comparison
    if not item.modules and not item.uncompared:
        return
    whole = [
        f"{label} {short(value)}"
        for label, value in (
            ("relative distance", item.relative_distance),
            ("cosine", item.cosine),
            ("norm ratio", item.scale),
        )
        if value is not None
    ]
    yield title("Modules", "all together: " + ", ".join(whole), paint, width)
    for bad in item.uncompared[:_MODULES_SHOWN]:
        yield from wrapped(f"not compared: {bad.why}", width, "  ! ", "    ")
    if item.relation == "identical":
        yield f"  {plural(len(item.modules), 'module')}, each with the same factors"
        return
    prefix = words.shared_prefix([module.module for module in item.modules])
    yield from wrapped(f"names begin with {prefix}" if prefix else "", width, "  ", "    ")
    name_width = width - 45
    widths = (name_width, 8, 8, 8, 9)
    yield paint(row(("furthest first", "distance", "cosine", "ratio", "|ΔW|"), widths), "dim")
    apart = sorted(item.modules, key=lambda m: -m.relative_distance)
    for module in apart[:_MODULES_SHOWN]:
        yield row(_cells(module, len(prefix), name_width), widths)
    if len(apart) > _MODULES_SHOWN:
        rest = plural(len(apart) - _MODULES_SHOWN, "nearer module")
        yield paint(f"  … and {rest} (--format json and csv have all)", "dim")


def _cells(module: ModuleUpdate, start: int, width: int) -> tuple[str, ...]:
    return (
        shorten_middle(one_line(module.module[start:]), width),
        short(module.relative_distance),
        short(module.cosine),
        short(module.head_norm / module.base_norm if module.base_norm else None),
        short(module.head_norm),
    )


def _tensors(found: InspectionComparison, paint: Paint, width: int) -> Iterator[str]:
    if not found.tensors and not found.notes:
        return
    differing = [t for t in found.tensors if t.why is not None or t.differing]
    proof = f" ({found.proof})" if found.proof not in (None, "numbers") else ""
    unknown = sum(map(_is_unknown, differing))
    counts = f"{len(differing) - unknown:,} of {plural(len(found.tensors), 'tensor')} differ{proof}"
    counts += f", {unknown:,} not compared" if unknown else ""
    yield title("Tensors", counts, paint, width)
    for note in found.notes[:_NOTES_SHOWN]:
        yield from wrapped(one_line(note), width, "  ○ ", "    ")
    if len(found.notes) > _NOTES_SHOWN:
        yield paint(f"    … and {len(found.notes) - _NOTES_SHOWN} more (--format json has all)", "dim")
    prefix = words.shared_prefix([item.name for item in found.tensors])
    yield from wrapped(f"names begin with {prefix}" if prefix else "", width, "  ", "    ")
    name_width = width - 51
    widths = (name_width, 9, 8, 7, 7, 8)
    if differing:
        yield paint(row(("tensor", "differing", "max |d|", "ULP", "flips", "first at"), widths), "dim")
    for item in differing[:_TENSORS_SHOWN]:
        yield from _tensor(item, len(prefix), widths, width)
    if len(differing) > _TENSORS_SHOWN:
        yield paint(f"  … and {len(differing) - _TENSORS_SHOWN} more (--format json and csv have all)", "dim")


def _is_unknown(item: TensorRow) -> bool:
    """Whether both sides have a tensor in one shape and its numbers were not compared."""
    return item.why is not None and item.base_shape is not None and item.base_shape == item.head_shape


def _tensor(item: TensorRow, start: int, widths: tuple[int, ...], width: int) -> Iterator[str]:
    name = shorten_middle(one_line(item.name[start:].removesuffix(".weight")), widths[0])
    if item.why is not None:
        yield from wrapped(f"{name}: {item.why}", width, "  ", "    ")
        return
    yield row(
        (
            name,
            f"{item.differing:,}",
            short(item.max_abs),
            _whole(item.ulp),
            _whole(item.sign_flips),
            _whole(item.first),
        ),
        widths,
    )
    bad = [
        f"{count:,} {word} in the {side}"
        for count, word, side in (
            (item.base_nan, "NaN", "base"),
            (item.head_nan, "NaN", "head"),
            (item.base_inf, "infinite", "base"),
            (item.head_inf, "infinite", "head"),
        )
        if count
    ]
    if bad:
        yield from wrapped(", ".join(bad), width, "    ", "    ")


def _whole(value: int | None) -> str:
    return "–" if value is None else f"{value:,}" if value < 10**6 else f"{value:.1e}"


def _facts(found: InspectionComparison, paint: Paint, width: int) -> Iterator[str]:
    if not found.facts:
        return
    yield title("Settings and states that differ", "", paint, width)
    for name, changes in found.facts.items():
        yield f"  {shorten(one_line(name), width - 4)}"
        for change in changes[:_FACTS_SHOWN]:
            key = shorten(one_line(change.key), width // 2)
            yield f"    {key}: " + fact_text(change, width - 6 - len(key))
        if len(changes) > _FACTS_SHOWN:
            yield paint(f"    … and {len(changes) - _FACTS_SHOWN} more (--format json has all)", "dim")


def _unread(found: InspectionComparison, paint: Paint, width: int) -> Iterator[str]:
    if not found.unread:
        return
    yield title("Not looked at", "", paint, width)
    for item in found.unread[:10]:
        yield from wrapped(
            f"{one_line(item.path)}: {words.without_size(item.reason)} ({item.state})", width, "  ○ ", "    "
        )
