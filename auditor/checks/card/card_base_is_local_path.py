"""base_model in the card is a path of the machine that trained.

PEFT copies `base_model_name_or_path` into the card it writes (peft 0.13.2, peft_model.py). Hubs accept only
ids there: validation fails or the lineage stays empty, and readers learn the machine's folders.

Silent for a checkpoint whose run names the same model by its id, and where the adapter is a file
inside a project whose configuration has the same path: that is told there once. Inside a project it is a note.

Wrong when: the card is read only where the path exists.

Fix: write the base's hub id into the card.

Bad:
    README.md: "base_model: tiny-labs/tiny-gemma3" -> "base_model: /root/models/tiny-gemma3"

Good:
    README.md: "base_model: tiny-labs/tiny-gemma3" -> "base_model: tiny-gemma3"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks._base_names import is_machine_path, same_model
from auditor.checks._published import is_published
from auditor.model import Problem, Severity
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(card: ModelCard, config: AdapterConfig | None, run: Run | None) -> Iterator[Problem]:
    """Judge each name by its spelling."""
    for name in card.base_model:
        copied = config is not None and config.base_model_name_or_path == name and not is_published(run)
        if is_machine_path(name) and not copied and not _is_named_by_the_run(card, name, run):
            yield Problem(
                f"the card's base_model is a path of one machine: {name}",
                card.at("base_model"),
                expected="a hub id",
                observed=name,
                severity=None if is_published(run) else Severity.NOTE,
            )


def _is_named_by_the_run(card: ModelCard, name: str, run: Run | None) -> bool:
    """Whether a checkpoint's card has the path, and the run's own configuration or card the id of that model."""
    if run is None or run.path == card.folder:
        return False
    config, own = run.root.one(AdapterConfig), run.root.one(ModelCard)
    named = [config.base_model_name_or_path or ""] if config is not None else []
    named += own.base_model if own is not None else ()
    return any(other and not is_machine_path(other) and same_model(other, name) for other in named)
