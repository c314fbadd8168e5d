"""A rerun's plan for people: whether it can start, what was assumed, and the settings by the file they come from."""

from collections.abc import Iterator, Mapping, Sequence

from auditor.model import RerunPlan, Setting
from auditor.report._text import flowed, one_line, shorten, value_text, wrapped
from auditor.rerun.pace import says

_VALUE = 60
_Named = Sequence[tuple[str, Setting]]


def plan_text(plan: RerunPlan, width: int = 80) -> str:
    """The plan as lines of plain text, at most ``width`` columns wide."""
    sections = (
        _head(plan, width),
        _items("In the way", plan.obstacles, width),
        _assumed([item for item in plan.settings.items() if item[1].assumed], width),
        _told({name: item for name, item in plan.settings.items() if not item.assumed}, width),
        _libraries(plan.libraries, width),
        _items("Also possible", plan.hypotheses, width),
    )
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines) + "\n"


def _head(plan: RerunPlan, width: int) -> Iterator[str]:
    run = "the root" if plan.run in ("", ".") else plan.run
    yield from wrapped(f"Rerun of {run}: {plan.words}, {plan.length}.", width)
    if plan.coverage:
        shares = ", ".join(f"{share:.0%} of its {what}" for what, share in plan.coverage.items())
        yield from wrapped(f"It covers {shares}.", width)
    if plan.prediction is not None:
        told = says(plan)
        yield from wrapped(f"{told[0].upper()}{told[1:]}.", width)
    if not plan.obstacles:
        yield "Nothing is in the way."


def _items(title: str, items: Sequence[str], width: int) -> Iterator[str]:
    if items:
        yield f"{title}:"
    for item in items:
        yield from wrapped(item, width, "  - ", "    ")


def _assumed(settings: _Named, width: int) -> Iterator[str]:
    """What no file says stands first, by its reason: it is what a reader may know better."""
    if settings:
        yield "Assumed, because no file says it:"
    reasons: dict[str, list[str]] = {}
    for name, setting in settings:
        reason = one_line(setting.source).removeprefix("no file says it: ").removeprefix("no file tells it: ")
        reasons.setdefault(reason, []).append(f"{name} {_value(setting)}")
    for reason, texts in reasons.items():
        yield from wrapped(f"{' · '.join(texts)}: {reason}", width, "  ", "    ")


def _told(settings: Mapping[str, Setting], width: int) -> Iterator[str]:
    """A paragraph for each file, the one that says most first; then what follows from several things."""
    files: dict[str, list[str]] = {}
    for name, setting in settings.items():
        path, sign, member = setting.source.partition("#")
        where = "" if not sign or member.rpartition("/")[2] == name else f" ({member})"
        if sign:
            files.setdefault(path, []).append(f"{name} {_value(setting)}{where}")
    for path, texts in sorted(files.items(), key=lambda item: (-len(item[1]), item[0])):
        yield from wrapped(f"From {path}:", width, "", "  ")
        for line in flowed(texts, " · ", width - 2):
            yield from wrapped(line, width, "  ", "    ")
    rest = [(name, setting) for name, setting in settings.items() if "#" not in setting.source]
    if rest:
        yield "Otherwise:"
    for name, setting in rest:
        yield from wrapped(f"{name} {_value(setting)}: {one_line(setting.source)}", width, "  ", "    ")


def _libraries(libraries: Mapping[str, Setting], width: int) -> Iterator[str]:
    if libraries:
        yield "Made by (what --environment recorded installs):"
    for name, setting in libraries.items():
        text = f"{name} {setting.value or 'of an unknown release'}: {one_line(setting.source)}"
        yield from wrapped(text, width, "  ", "    ")


def _value(setting: Setting) -> str:
    value = setting.value
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value_text(value, _VALUE)
    return shorten(one_line(text), _VALUE)
