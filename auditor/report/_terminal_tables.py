"""The terminal's tables: rerun, ledger, adapters, files, coverage."""

from collections.abc import Iterator

from auditor.model import AdapterComparison, FileChange, Report, RerunResult
from auditor.report import _rerun_words as words
from auditor.report import _view as view
from auditor.report._ansi import Paint
from auditor.report._facts import fact_text
from auditor.report._reasons import kinds_of_reasons, reasons, unread_groups
from auditor.report._text import (
    listing,
    number,
    one_line,
    pad,
    plural,
    shorten,
    shorten_middle,
    wrapped,
)

_RERUN_COLOURS = {"✓": "green", "✗": "red", "?": "yellow"}
_CHANGE_SIGNS = {"added": "+", "removed": "-", "modified": "~", "unknown": "?"}
_FILES_SHOWN = 20
_FACTS_SHOWN = 4
_MODULES_SHOWN = 5
_UNREAD_SHOWN = 10


def rerun(report: Report, paint: Paint, width: int, detail: bool) -> Iterator[str]:
    """Verdict, one line an aspect, the floor, the first divergence and what this does not prove."""
    result = report.rerun
    if result is None:
        return
    sign = view.RERUN_SIGNS[result.verdict.word]
    yield _title("Rerun", f"run at {view.folder(result.run)}", paint, width)
    part = one_line(result.plan.of_what)
    yield f"  {paint(f'{sign} {result.verdict.word.upper()}', _RERUN_COLOURS[sign])}" + (
        f"  {shorten(part, width - 20)}" if part else ""
    )
    yield from wrapped(result.why, width, "    ", "    ")
    if result.first_divergence is not None:
        text = f"first divergence: {view.divergence(result.first_divergence)}"
        yield from wrapped(text, width, "    ", "      ")
    yield from wrapped(f"trained again: {words.trained_again(result)}", width, "    ", "      ")
    for obstacle in result.plan.obstacles:
        yield from wrapped(obstacle, width, "    could not start: ", "      ")
    groups = words.grouped(result.aspects)
    alike = () if detail else words.told_in_one_line(groups)
    for group in groups:
        if group not in alike:
            yield from _aspect(group, paint, width)
    if alike:
        names = ", ".join(one_line(group.shown.aspect) for group in alike)
        yield f"  {paint('✓ identical', 'green')}  {shorten(names, width - 15)}"
    yield from _rerun_end(result, width)


def _title(title: str, rest: str, paint: Paint, width: int) -> str:
    return f"{paint(title, 'title')}  {shorten(one_line(rest), width - len(title) - 2)}"


def _aspect(group: words.AspectGroup, paint: Paint, width: int) -> Iterator[str]:
    aspect = group.shown
    sign = view.RERUN_SIGNS[aspect.verdict.word]
    distance = "" if aspect.distance is None else f"distance {number(aspect.distance)}"
    floor = "" if aspect.floor is None or not distance else f" (floor {number(aspect.floor)})"
    left = f"  {pad(one_line(aspect.aspect), 12)} "
    verdict = f"{sign} {aspect.verdict.word:<13}" if distance else f"{sign} {aspect.verdict.word}"
    if len(left + verdict + distance + floor) > width:
        floor = ""
    yield left + paint(verdict, _RERUN_COLOURS[sign]) + distance + floor
    where = f"{group.where}: " if group.where else ""
    yield from wrapped(where + aspect.why, width, " " * 15, " " * 15)


def _rerun_end(result: RerunResult, width: int) -> Iterator[str]:
    if result.floor is not None:
        yield f"  Noise here moves the update by up to {number(result.floor)}"
    for repeat in result.repeats:
        yield from wrapped(repeat, width, "    - ", "      ")
    if result.controls:
        yield "  Other recipes, for the scale of distances:"
    for control in result.controls:
        yield from wrapped(words.control(control), width, "    - ", "      ")
    untried = words.untried(result) if result.verdict.word in ("diverged", "inconclusive") else ()
    for hypothesis in untried:
        yield from wrapped(hypothesis, width, "    other reading: ", "      ")
    if result.does_not_prove:
        yield "  This does not prove:"
        for text in result.does_not_prove:
            yield from wrapped(text, width, "    - ", "      ")


def adapters(report: Report, paint: Paint, width: int) -> Iterator[str]:
    """The effective update of both sides: relation, distance, and the modules that moved most."""
    for position, (_, item) in enumerate(view.all_adapters(report)):
        if not position:
            yield paint("Effective update of the adapters", "title")
        yield from _adapter(item, width)


def _adapter(item: AdapterComparison, width: int) -> Iterator[str]:
    sides = item.head_path if item.base_path == item.head_path else f"{item.base_path} → {item.head_path}"
    yield from wrapped(sides, width, "  ", "    ")
    yield from wrapped(item.sentence, width, "    ", "      ")
    if item.why:
        yield from wrapped(item.why, width, "    ", "      ")
    for left_out in item.uncompared[1:_MODULES_SHOWN]:
        yield from wrapped(f"not compared: {left_out.module}: {left_out.why}", width, "    ", "      ")
    yield from _modules(item, width)


def _modules(item: AdapterComparison, width: int) -> Iterator[str]:
    """The modules that differ most; nothing where none does."""
    far = [m for m in view.farthest(item) if m.relative_distance != 0 or m.magnitude_distance]
    for module in far[:_MODULES_SHOWN]:
        norms = f"{number(module.base_norm)} → {number(module.head_norm)}"
        name = shorten_middle(one_line(module.module), width - 42)
        magnitude = f" m {number(module.magnitude_distance)}" if module.magnitude_distance else ""
        yield f"    {pad(name, width - 42)}  {norms:<20} d {number(module.relative_distance)}{magnitude}"
    rest = len(item.modules) - len(far[:_MODULES_SHOWN])
    if far and rest:
        yield f"    … and {plural(rest, 'nearer module')} (--format json has all)"


def files(report: Report, paint: Paint, width: int) -> Iterator[str]:
    """Counts by kind, then each changed file with its most telling facts."""
    changes = report.diff.files if report.diff else ()
    if not changes:
        return
    yield paint("Files compared", "title")
    yield from wrapped(view.change_counts(changes), width, "  ", "  ")
    differing, many = view.folded(view.changed(changes))
    for kind, group in many:
        text = f"{_CHANGE_SIGNS[kind]} {len(group)} {kind}: {listing(view.folders(group), 12)}"
        yield from wrapped(text, width, "  ", "    ")
    for change in differing[:_FILES_SHOWN]:
        yield from _change(change, paint, width)
    if len(differing) > _FILES_SHOWN:
        yield paint(f"  … and {len(differing) - _FILES_SHOWN} more (--format json has all)", "dim")


def _change(change: FileChange, paint: Paint, width: int) -> Iterator[str]:
    yield f"  {_CHANGE_SIGNS.get(change.kind, ' ')} {shorten_middle(one_line(change.path), width - 4)}"
    yield from wrapped(view.change_note(change), width, "      ", "      ")
    telling = [fact for fact in change.facts if not fact.within_tolerance]
    for fact in telling[:_FACTS_SHOWN]:
        key = shorten(one_line(fact.key), width // 2)
        yield f"      {key}: " + fact_text(fact, width - 8 - len(key))
    rest = len(change.facts) - min(len(telling), _FACTS_SHOWN)
    if rest:
        near = len(change.facts) - len(telling)
        within = f", {near} within tolerance" if near else ""
        yield paint(f"      … and {rest} more{within}", "dim")


def coverage(report: Report, paint: Paint, width: int, detail: bool) -> Iterator[str]:
    """What was looked at, what was not, and why; with ``detail`` every reason, else the few kinds of reasons."""
    checks, read = report.coverage.checks, report.coverage.files
    yield paint("Checked / not checked", "title")
    yield (
        f"  checks  {checks.get('ran', 0)} ran, {checks.get('not_applicable', 0)} not applicable, "
        f"{checks.get('failed_to_run', 0)} failed to run"
    )
    yield (
        f"  files   {read.get('read', 0)} read, {read.get('unfetched', 0)} unfetched, "
        f"{read.get('unreadable', 0)} unreadable"
    )
    if report.not_applicable:
        yield "  not judged, wholly or for some file:"
    for group in reasons(report.not_applicable) if detail else ():
        text = f"{plural(len(group.rules), 'check')}: {group.reason} ({listing(group.rules, 2)})"
        yield from wrapped(text, width, "  ○ ", "    ")
    for text in () if detail else kinds_of_reasons(report.not_applicable):
        yield from wrapped(text, width, "  ○ ", "    ")
    yield from _unread(report, paint, width)


def _unread(report: Report, paint: Paint, width: int) -> Iterator[str]:
    if not report.unread:
        return
    yield ""
    yield paint(f"Files not read ({len(report.unread)})", "title")
    groups = unread_groups(report.unread)
    for state, reason, paths in groups[:_UNREAD_SHOWN]:
        yield from wrapped(f"{listing(paths, 4)}: {reason} ({state})", width, "  ○ ", "    ")
    if len(groups) > _UNREAD_SHOWN:
        yield paint(f"  … and {len(groups) - _UNREAD_SHOWN} more reasons (--format json has all)", "dim")
