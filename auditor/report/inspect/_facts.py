"""Facts of an adapter and of a run, a line each."""

from collections.abc import Iterator

from auditor.model.inspection import AdapterInspection, AdapterSettings, RunInspection
from auditor.report._ansi import Paint
from auditor.report._text import listing, one_line, plural, shorten, size_text, value_text, wrapped
from auditor.report.inspect import _words as words
from auditor.report.inspect._lines import fact, title
from auditor.report.inspect._spark import BAD

WORST = frozenset({"not finite", "exploded", "incomplete"})
"""Conditions that spoil a module; the others are worth a look."""


_WORD = 12
"""Columns of the longest word for a condition, half-trained."""


def adapter_facts(
    run: RunInspection, adapter: AdapterInspection, numbers: bool, paint: Paint, width: int
) -> Iterator[str]:
    """The file, what it equals, the method, its targets, with what it loads; then what is unusual."""
    yield title(
        "Weights" if adapter.kind == "model" else "Adapter", words.folder(adapter.folder), paint, width
    )
    for label, text in facts_of(run, adapter):
        yield from fact(label, text, paint, width)
    for word, text in words.condition_lines(adapter):
        yield from _condition(word, text, paint, width)
    if adapter.why and adapter.format is not None and numbers:
        yield from fact("but", adapter.why, paint, width)


def facts_of(run: RunInspection, adapter: AdapterInspection) -> Iterator[tuple[str, str]]:
    """(label, text) of everything about the weights' file and its configuration; texts may be empty."""
    yield "file", _file(adapter)
    yield "same as", listing(map(words.folder, words.same_as(run, adapter.folder)), 4)
    settings = adapter.settings
    if settings is not None:
        yield "method", _method(settings)
        yield "targets", _targets(settings)
        yield "loads with", "; ".join(settings.loads_with)
    yield "base", _base(run)
    if adapter.outside and adapter.kind == "adapter":
        names = listing((one_line(shorten(name, 80)) for name in adapter.outside), 3)
        yield "besides", f"{plural(len(adapter.outside), 'tensor')} outside LoRA: {names}"


def _condition(word: str, text: str, paint: Paint, width: int) -> Iterator[str]:
    head = f"  {BAD} {word:<{_WORD}} "
    lines = wrapped(text, width, " " * len(head), " " * len(head))
    if lines:
        yield paint(head, "red" if word in WORST else "yellow") + lines[0][len(head) :]
        yield from lines[1:]


def _file(adapter: AdapterInspection) -> str:
    if adapter.path is None and adapter.kind == "adapter":
        return ""
    name = one_line(adapter.path or plural(len({t.name for t in adapter.tensors}), "tensor"))
    parts = [shorten(name, 200), size_text(adapter.bytes)]
    if adapter.format:
        parts += [adapter.format, ", ".join(adapter.dtypes)]
    return " · ".join(part for part in parts if part)


def _method(settings: AdapterSettings) -> str:
    parts = [words.method_of(settings)]
    if settings.r is not None:
        parts.append(f"r {settings.r}")
    if settings.lora_alpha is not None:
        parts.append(f"alpha {settings.lora_alpha:g}")
    if settings.lora_dropout is not None:
        parts.append(f"dropout {settings.lora_dropout:g}")
    for name, count in (("rank", len(settings.rank_pattern)), ("alpha", len(settings.alpha_pattern))):
        if count:
            parts.append(f"{plural(count, f'{name} pattern')}")
    if settings.init_lora_weights not in (None, True):
        parts.append(f"init {value_text(settings.init_lora_weights, 30)}")
    parts.append(f"task {value_text(settings.task_type, 40)}" if settings.task_type else "")
    return ", ".join(part for part in parts if part)


def _targets(settings: AdapterSettings) -> str:
    targets = settings.target_modules
    text = "" if targets is None else targets if isinstance(targets, str) else ", ".join(targets)
    saved = f"; saved whole: {listing(settings.modules_to_save, 6)}" if settings.modules_to_save else ""
    return one_line(shorten(text, 300) + shorten(saved, 120))


def _base(run: RunInspection) -> str:
    if not run.base:
        return ""
    known = {
        "table of known models": "its modules are known",
        "repository": "its config.json lies here",
        "given": "its config.json was given",
    }
    says = known.get(run.base_source, run.base_source or "its modules are not known here")
    return f"{one_line(shorten(run.base, 120))} ({says})"


def run_facts(run: RunInspection, paint: Paint, width: int) -> Iterator[str]:
    """Training arguments, as far as they are shown."""
    if run.training_args:
        name = one_line(shorten(run.training_args_class or "", 120)).rpartition(".")[2]
        yield title("Training arguments", name, paint, width)
        items = [f"{one_line(key)} {value_text(value, 40)}" for key, value in run.training_args.items()]
        yield from wrapped(" · ".join(items), width, "  ", "  ")


def origin(run: RunInspection, paint: Paint, width: int) -> Iterator[str]:
    """Which seed drew the adapter, and how far the training moved it."""
    if run.seed is None and run.reach is None:
        return
    yield title("Origin", words.folder(run.seed.path) if run.seed and run.seed.path else "", paint, width)
    if run.seed is not None:
        source = f" (seed from {one_line(run.seed.source)})" if run.seed.source else ""
        text = "; ".join(part for part in (run.seed.says, run.seed.why) if part)
        yield from fact("seed", text + source, paint, width)
    if run.reach is not None:
        yield from fact("moved", run.reach.says, paint, width)
        if run.reach.drawn is not None:
            yield from fact("", run.reach.drawn.says, paint, width)
