"""The adapter was trained on another base model than the declared config names.

PEFT writes the name under which the base was loaded (peft 0.13.2, peft_model.py). When its last part
differs from the declared one, the declared config is not that of this adapter, and neither are its
other values.

Wrong when: the platform mounts the declared model under a path of another name; a path and a hub id
that share no name are therefore only a warning.

Fix: commit the config that was used, or train on the declared base.

Bad:
    # adapter_config.json names tiny-labs/tiny-gemma3
    cheetah-fine-tuning-config.json: /model/model_path = "input/model/tiny-labs/other-gemma3"
    cheetah-fine-tuning-config.json: /model/model_repository = "git@git.example.com:tiny-labs/other-gemma3.git"

Good:
    # one model by hub id and by path
    adapter_config.json: /base_model_name_or_path = "/root/models/tiny-gemma3/"
"""

from collections.abc import Iterator, Sequence

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks._base_names import is_machine_path, model_name, same_model
from auditor.checks._false_base import REPORTED, base_of, is_denied
from auditor.checks.card import card_names_other_base
from auditor.claims import Ledger
from auditor.model import Problem, Severity, Skip
from auditor.recipes._base import Recipe
from auditor.runs import Run

SEVERITY = Severity.ERROR

_MOUNTS = frozenset({"model", "models", "base", "base_model", "input", "checkpoint", "weights"})
"""Folder names that say nothing about the model inside."""


def check(
    config: AdapterConfig, recipe: Recipe, run: Run | None, card: ModelCard | None, ledger: Ledger | None
) -> Iterator[Problem | Skip]:
    """The declared path and the declared repository both count; where others disagree too, it is one finding."""
    if not recipe.record:
        yield Skip(
            "a base that a configuration handed in names otherwise is reported as config-not-of-this-run"
        )
        return
    recorded = base_of(run, config)
    declared = [
        value
        for key in ("base_model", "base_repository")
        if isinstance(value := recipe.value(key), str) and value.strip()
    ]
    if not recorded or not config.is_peft or not declared:
        yield Skip("the base model is not named in both the declared config and adapter_config.json")
        return
    if any(same_model(recorded, name) for name in declared):
        return
    if model_name(recorded) in _MOUNTS or model_name(declared[0]) in _MOUNTS:
        yield Skip("one of the two names is a folder that says nothing about the model")
        return
    if is_denied(run, config):
        yield Skip(REPORTED)
        return
    if _by_card(declared, card, config, run, ledger):
        yield Skip(
            "the card disagrees with adapter_config.json too, which is reported as card-names-other-base"
        )
        return
    alike = is_machine_path(recorded) == is_machine_path(declared[0])
    yield Problem(
        f"the adapter was trained on {recorded}, and the declared base model is {declared[0]}",
        config.at("/base_model_name_or_path"),
        expected=declared[0],
        observed=recorded,
        severity=None if alike else Severity.WARNING,
    )


def _by_card(
    declared: Sequence[str],
    card: ModelCard | None,
    config: AdapterConfig,
    run: Run | None,
    ledger: Ledger | None,
) -> bool:
    """Whether the card names the declared base, and so disagrees with adapter_config.json: an error by itself."""
    if card is None or not any(same_model(base, name) for base in card.base_model for name in declared):
        return False
    found = card_names_other_base.check(card, config, ledger, run)
    return any(isinstance(item, Problem) and item.severity is None for item in found)
