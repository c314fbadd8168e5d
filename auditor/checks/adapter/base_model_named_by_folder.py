"""adapter_config.json names the base model by a bare folder, and only the card says which model that was.

PEFT finds the base by `base_model_name_or_path` (peft 0.21.2, auto.py, `from_pretrained`). A word without a slash is
looked up as a folder here and then as a model of the hub's first days (`gpt2`); a working folder such as `model` is
neither, so nobody else can load the adapter by its configuration.

Wrong when: the word is a model of the hub all the same; where it shares a part with the name in the card, the rule is
silent.

Fix: set `base_model_name_or_path` to the hub id that the card names, and `revision` to its commit.

Bad:
    adapter_config.json: /base_model_name_or_path = "model"

Good:
    # the local copy of the model that the card names
    adapter_config.json: /base_model_name_or_path = "tiny-gemma3"
"""

import re
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks._base_names import is_machine_path, model_name
from auditor.checks._references import sizes
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING


def check(config: AdapterConfig, card: ModelCard | None, run: Run | None) -> Iterator[Problem | Skip]:
    """Only in the run's own folder: PEFT copies the word into the cards of checkpoints."""
    name = (config.base_model_name_or_path or "").strip()
    if not config.is_peft or not name or "/" in name or is_machine_path(name) or sizes(name):
        return
    named = [
        base for base in (card.base_model if card is not None else ()) if base.strip("/").count("/") == 1
    ]
    named = [base for base in named if not is_machine_path(base)]
    if not named:
        yield Skip("no card beside it names the base by a hub id")
        return
    if run is None or run.path != config.folder or any(_parts(name) & _parts(base) for base in named):
        return
    yield Problem(
        f"the base model is named by the folder {name}, and by nothing that others can resolve",
        config.at("/base_model_name_or_path"),
        expected=named[0],
        observed=name,
        evidence=(f"{card.path} names {named[0]}",) if card is not None else (),
    )


def _parts(name: str) -> frozenset[str]:
    """The words of a model's own name: ``bert-base`` shares one with ``google-bert/bert-base-uncased``."""
    return frozenset(part for part in re.split(r"[-_. ]+", model_name(name)) if part)
