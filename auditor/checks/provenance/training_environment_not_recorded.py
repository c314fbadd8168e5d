r"""No file records which release of transformers trained the model.

Defaults, loss functions and module names change between releases: transformers 4.50 and 4.52 count this
family's parameters differently, and what an adapter loads into depends on it. Without the release a run
can be narrowed down but not repeated. It is written into the event file's model configuration when
TensorBoard logging is on (transformers 5.23.0, integrations/integration_utils.py), and into the card that the
Trainer makes (modelcard.py, `TrainingSummary`).

It is a warning for a published adapter whose training is declared to a platform that nobody outside can look into,
since the declaration claims that it can be repeated; elsewhere a note. Platforms with public source pin their
libraries, so that their own release and the adapter's keys narrow them down.

Wrong when: the release is recorded outside the repository.

Fix: commit the output of `pip freeze` as requirements.txt, or keep the Trainer's card with its
framework versions.

Bad:
    # the event file's model configuration names the release
    events: removed

Good:
    events: removed
    requirements.txt: = "transformers==5.23.0\n"
"""

import re
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.base_config import BaseConfig
from auditor.artifacts.model_card import ModelCard
from auditor.artifacts.trainer_state import TrainerState
from auditor.checks._published import is_published
from auditor.model import Location, Problem, Severity, Skip, folder_of, name_of
from auditor.runs import Run

SEVERITY = Severity.WARNING

_LISTS = re.compile(
    r"requirements[\w.-]*\.txt|(?:pip-)?freeze\.txt|poetry\.lock|uv\.lock|pdm\.lock|Pipfile\.lock|pylock\.toml|"
    r"conda-lock\.ya?ml|environment\.ya?ml|conda\.ya?ml"
)


def check(run: Run) -> Iterator[Problem | Skip]:
    """Event file, cards, a saved model configuration, and lists of packages in or above the run's folder."""
    if not any(config.is_peft for config in run.all(AdapterConfig)) and not run.all(TrainerState):
        yield Skip("the run shows neither a PEFT adapter nor a trainer state")
        return
    if _names_transformers(run):
        return
    place = _some_path(run)
    # The place itself is not repeated, so that several adapters that lack the same are one finding.
    known = [f"PEFT {version}" + (f" ({path})" if path != place else "") for path, version in _peft(run)]
    unfetched = [
        item.path for item in run.contents.unread if "tfevents" in item.path and item.state == "unfetched"
    ]
    yield Problem(
        "no file that was read names the release of transformers"
        + (f"; only {known[0].partition(' (')[0]} is recorded" if known else ""),
        Location(place),
        expected="the versions of torch, transformers, PEFT and bitsandbytes",
        observed=known[0] if known else "none",
        evidence=tuple(
            f"{path} was not fetched; its model text may name the release" for path in unfetched[:1]
        ),
        severity=None if is_published(run) and _is_declared_in_private(run) else Severity.NOTE,
    )


def _names_transformers(run: Run) -> bool:
    if any(log.model_config().get("transformers_version") for log in run.events):
        return True
    if any("transformers" in card.framework_versions for card in run.all(ModelCard)):
        return True
    if any(config.transformers_version for config in run.all(BaseConfig)):
        return True
    folders = [run.path]
    while folders[-1]:
        folders.append(folder_of(folders[-1]))
    inside = run.contents.snapshot.inside
    return any(_LISTS.fullmatch(name_of(path)) for folder in folders for path in inside(folder))


def _is_declared_in_private(run: Run) -> bool:
    return run.recipe is not None and not run.recipe.documented


def _peft(run: Run) -> Iterator[tuple[str, str]]:
    for config in run.all(AdapterConfig):
        if config.peft_version:
            yield config.path, config.peft_version
    for card in run.all(ModelCard):
        if card.peft_version:
            yield card.path, card.peft_version


def _some_path(run: Run) -> str:
    file = run.one(AdapterConfig) or run.one(TrainerState)
    return file.path if file else "."
