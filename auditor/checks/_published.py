"""Whether an adapter is what the repository publishes, or one artefact among a project's files."""

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.runs import Run


def is_published(run: Run | None) -> bool:
    """Whether the run's adapter stands at the top, where ``from_pretrained(repository)`` finds it, as a model.

    135 of 213 public repositories with adapters hold them in subfolders only: code of a project with what it wrote.
    Nobody loads those by the repository's name, and their template cards are no publication. Nor is a README without
    front matter a model's card: it is a project's page, and says in its own words what it has to say.
    """
    top = run.contents.folders.get("") if run is not None and not run.path else None
    if top is None or top.one(AdapterConfig) is None:
        return False
    card = top.one(ModelCard)
    return card is None or card.has_front_matter or bool(card.problems)
