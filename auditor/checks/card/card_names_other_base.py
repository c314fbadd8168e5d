"""The card names another base model than the adapter was made for.

`base_model` in the card is what hubs draw the lineage from and what users load under the adapter;
`base_model_name_or_path` in adapter_config.json is what training loaded (peft 0.13.2, peft_model.py). On
another base, even a sibling such as -pt instead of -it, the adapter's update lands on weights it was not
computed for.

Wrong when: the two names are aliases this rule does not know. Copies with the same last segment, quantized
siblings and folders whose name states no size are recognised, and a null in adapter_config.json is not judged.

Fix: name in the card, by its hub id, the model that the adapter was trained on.

Bad:
    README.md: "base_model: tiny-labs/tiny-gemma3" -> "base_model: google/gemma-3-4b-pt"

Good:
    # one of several agrees
    README.md: "base_model: tiny-labs/tiny-gemma3" -> "base_model: [google/gemma-3-4b-pt, tiny-labs/tiny-gemma3]"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks._false_base import REPORTED, base_of, is_denied
from auditor.checks._wording import joined
from auditor.checks.card._names import Relation, relation
from auditor.claims import DECLARED, Ledger
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.ERROR

TAG = "base_model:adapter:"
"""Prefix of the tag by which the hub lists adapters under their base (peft 0.21.2, peft_model.py)."""


def check(
    card: ModelCard, config: AdapterConfig, ledger: Ledger | None, run: Run | None
) -> Iterator[Problem | Skip]:
    """One of several base models in a card is enough to agree."""
    name = base_of(run, config)
    tagged = tuple(tag.removeprefix(TAG) for tag in card.tags if tag.startswith(TAG))
    if not card.base_model and not tagged:
        yield Skip("the card names no base_model")
        return
    if not name or not config.is_peft:
        yield Skip("adapter_config.json names no base model")
        return
    found = {relation(base, name) for base in card.base_model}
    if Relation.SAME in found or not found:
        yield from _tagged(card, tagged, name)
        return
    if Relation.SILENT in found:
        yield Skip("a folder is named whose name need not be its model's")
        return
    if is_denied(run, config):
        yield Skip(REPORTED)
        return
    shown = joined(card.base_model)
    yield Problem(
        f"the card's base_model is {shown}, and the adapter was made for {name}",
        card.at("base_model"),
        expected=name,
        observed=shown,
        evidence=tuple(_declared(name, card, ledger)),
        severity=Severity.WARNING if Relation.UNCLEAR in found else None,
    )


def _tagged(card: ModelCard, tagged: tuple[str, ...], name: str) -> Iterator[Problem]:
    """The tag that PEFT writes from the configuration, where the base_model beside it is right or missing."""
    if tagged and {relation(base, name) for base in tagged} == {Relation.OTHER}:
        yield Problem(
            f"the card is tagged {TAG}{tagged[0]}, and the adapter was made for {name}",
            card.at("tags"),
            expected=f"{TAG}{name}",
            observed=f"{TAG}{tagged[0]}",
        )


def _declared(name: str, card: ModelCard, ledger: Ledger | None) -> Iterator[str]:
    """On whose side the declared configuration is."""
    declared = ledger.statement("base_model", DECLARED) if ledger else None
    if declared is None or not isinstance(declared.value, str):
        return
    if relation(declared.value, name) is Relation.SAME:
        yield f"{declared.path} declares {declared.value} too"
    elif any(relation(declared.value, base) is Relation.SAME for base in card.base_model):
        yield f"{declared.path} declares {declared.value}, as the card does"
