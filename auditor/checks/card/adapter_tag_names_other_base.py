"""The card's `base_model:adapter:` tag names another model than its `base_model`.

PEFT writes both from one value (peft 0.21.2, peft_model.py, `create_or_update_model_card`; 275 of 277 public cards
agree), and hubs draw the tree of a base's adapters from them. Where they differ the card was edited in one place, or
the front matter was copied from another adapter.

Wrong when: the two names are of one model in a way this rule does not know. Local copies with the same last part and
quantized siblings are recognised, and names that state too little are not judged.

Fix: write the base of adapter_config.json in both places.

Bad:
    README.md: "base_model:adapter:tiny-labs/tiny-gemma3" -> "base_model:adapter:acme/other-8b"

Good:
    README.md: "base_model:adapter:tiny-labs/tiny-gemma3" -> "base_model:adapter:unsloth/tiny-gemma3-bnb-4bit"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks._wording import joined
from auditor.checks.card._names import Relation, relation
from auditor.model import Problem, Severity, Skip

SEVERITY = Severity.WARNING

TAG = "base_model:adapter:"


def check(card: ModelCard, config: AdapterConfig | None) -> Iterator[Problem | Skip]:
    """One base of several is enough to agree; a `base_model` that the adapter contradicts is another rule's matter."""
    tagged = [tag.removeprefix(TAG) for tag in card.tags if tag.startswith(TAG)]
    if not tagged or not card.base_model:
        yield Skip(f"{card.path} has no such tag or no base_model")
        return
    made_for = config.base_model_name_or_path if config is not None else None
    if made_for and {relation(base, made_for) for base in card.base_model} == {Relation.OTHER}:
        return
    for name in tagged:
        if {relation(name, base) for base in card.base_model} == {Relation.OTHER}:
            yield Problem(
                f"the tag says {name}, and base_model says {joined(card.base_model)}",
                card.at("tags"),
                expected=joined(card.base_model),
                observed=name,
            )
