"""What every view of an inspection says alike: the sentence, counts, notes."""

import re
from collections.abc import Iterator, Sequence

from auditor.model.inspection import AdapterInspection, AdapterSettings, Inspection, RunInspection
from auditor.report._text import listing, one_line, plural, shorten

CONDITIONS = (*("not finite", "exploded", "incomplete", "missing", "dead", "half-trained", "duplicate"),)
"""The order in which conditions are told."""


def folder(path: str) -> str:
    """A folder for people: the root is a dot."""
    return one_line(path) or "."


def sentence(run: RunInspection) -> str:
    """What a run is, in one sentence."""
    adapter = run.adapter
    trained = _trained(run)
    if adapter is None:
        return f"{_states(run)}{trained}."
    what = _what(adapter) + (f" of {_name(run.base)}" if run.base else "")
    if adapter.path is not None and adapter.parameters is None:
        why = without_size(adapter.why or "no reason is known")
        return f"{what}{trained}. Its weights were not read: {why}."
    return f"{what}: {_size(adapter)}{trained}."


def _what(adapter: AdapterInspection) -> str:
    settings = adapter.settings
    if adapter.kind == "model":
        return "Weights of a model" if settings is None else "Weights beside an adapter's configuration"
    method = method_of(settings)
    if adapter.path is None:
        return f"{method} configuration without weights"
    return f"{method} adapter"


def method_of(settings: AdapterSettings | None) -> str:
    """LoRA, rsLoRA, DoRA, or PEFT's word for another method."""
    if settings is None:
        return "LoRA"
    word = settings.peft_type
    if word == "LORA":
        return "DoRA" if settings.use_dora else "rsLoRA" if settings.use_rslora else "LoRA"
    return one_line(shorten(word, 40)) if word else "Unknown"


def _size(adapter: AdapterInspection) -> str:
    if adapter.path is None and adapter.kind == "adapter":
        settings = adapter.settings
        return f"rank {settings.r}" if settings is not None and settings.r is not None else "no rank given"
    parts: list[str] = []
    present = [module for module in adapter.modules if not module.has("missing")]
    if present:
        rank = f" at rank {listing(map(str, adapter.ranks), 4)}" if adapter.ranks else ""
        parts.append(f"{plural(len(present), 'module')}{rank}")
    elif adapter.tensors:
        parts.append(plural(len(adapter.tensors), "tensor"))
    parts.append(plural(adapter.parameters or 0, "parameter"))
    return ", ".join(parts)


def _states(run: RunInspection) -> str:
    if run.states:
        return "Training states without weights" + (f" of {_name(run.base)}" if run.base else "")
    return "Curves of a training" if run.curves else "Files of a training"


def _trained(run: RunInspection) -> str:
    counts = [s.trainer for s in run.states if s.trainer is not None and s.trainer.global_step is not None]
    if not counts:
        return ""
    last = max(counts, key=lambda item: item.global_step or 0)
    whole = f" of {last.max_steps:,}" if last.max_steps and last.max_steps != last.global_step else ""
    return f", trained for {last.global_step or 0:,}{whole} steps"


def _name(text: str) -> str:
    return one_line(shorten(text, 80))


def condition_lines(adapter: AdapterInspection) -> Iterator[tuple[str, str]]:
    """(word, sentence) for each condition that modules have, the gravest first."""
    words = dict.fromkeys((*CONDITIONS, *(c.word for m in adapter.modules for c in m.conditions)))
    for word in words:
        modules = adapter.with_condition(word)
        if not modules:
            continue
        names = listing((one_line(shorten(module.module, 120)) for module in modules), 3)
        reasons = list(dict.fromkeys(c.says for m in modules for c in m.conditions if c.word == word))
        says = reasons[0] if len(reasons) == 1 else f"the first: {reasons[0]}"
        yield word, f"{plural(len(modules), 'module')}: {names} ({one_line(says)})"


def nothing(found: Inspection) -> str:
    """What is said of a snapshot in which nothing was recognised."""
    if found.unread:
        return f"Nothing could be read: {plural(len(found.unread), 'file')} known by name, see below."
    return "No adapter, checkpoint or training state was found."


def shared_prefix(names: Sequence[str]) -> str:
    """The dotted beginning that all names have, with its last dot; "" for one name or less."""
    if len(names) < 2:
        return ""
    first, last = min(names), max(names)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: first.rfind(".", 0, same) + 1]


def same_as(run: RunInspection, path: str) -> Sequence[str]:
    """The folders whose adapter is identical to the one at ``path``."""
    pairs = [(item.one, item.two) for item in run.relations if item.comparison.relation == "identical"]
    return [two if one == path else one for one, two in pairs if path in (one, two)]


_SIZED = re.compile(r" ?\([\d,]+ bytes\)")


def without_size(reason: str) -> str:
    """A reason that many files share: ``its content (1,234 bytes) is ...`` without the number."""
    return one_line(_SIZED.sub("", reason))
