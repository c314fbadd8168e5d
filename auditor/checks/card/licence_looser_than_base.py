"""The adapter is offered under an open licence, and its base's terms do not allow that.

Gemma's and Llama's terms of use, and the non-commercial and research licences of others, bind whoever passes on a
work derived from the model. An adapter that says `apache-2.0` promises its users rights that its author does not
have; hubs filter by that word (huggingface_hub 2.4.0, repocard_data.py, `license`).

Wrong when: the licence in the card is meant for the code beside the adapter only, or the publisher has opened the
base since. Unsloth writes apache-2.0 into every card; with its tag this is only a note.

Fix: state the base's licence (`license: gemma`, `license: llama3.1`, ...), or `license: other` with its name and
link.

Bad:
    README.md: "license: apache-2.0" -> "license: mit"
    README.md: "base_model: tiny-labs/tiny-gemma3" -> "base_model: google/gemma-3-4b-it"
    adapter_config.json: /base_model_name_or_path = "google/gemma-3-4b-it"

Good:
    README.md: "license: apache-2.0" -> "license: gemma"
    README.md: "base_model: tiny-labs/tiny-gemma3" -> "base_model: google/gemma-3-4b-it"
    adapter_config.json: /base_model_name_or_path = "google/gemma-3-4b-it"
"""

import re
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks._base_names import is_machine_path, model_name
from auditor.checks._false_base import base_of, is_denied
from auditor.model import Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_OPEN = frozenset(
    {
        *("apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "wtfpl", "zlib"),
        *("cc0-1.0", "cc-by-4.0", "cc-by-3.0", "cc-by-sa-4.0", "cc-by-sa-3.0", "odc-by", "pddl"),
        *("gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "artistic-2.0", "afl-3.0", "ecl-2.0"),
    }
)
"""Licences that allow every use, by the ids of the hub's list."""
_TERMS = (
    # (publisher on the hub, the model's name, its licence as the publisher's own card states it)
    (
        "google",
        r"(?:code|recurrent|shield|pali)?gemma2?-(?:1\.1-|2-|3-)?\d+[bm](?:-|$)|gemma-3n-e\d",
        "gemma",
    ),
    ("meta-llama", r"llama-2-", "llama2"),
    ("codellama", r"codellama-", "llama2"),
    ("meta-llama", r"(?:meta-)?llama-3-\d", "llama3"),
    ("meta-llama", r"(?:meta-)?llama-3\.1-", "llama3.1"),
    ("meta-llama", r"llama-3\.2-", "llama3.2"),
    ("meta-llama", r"llama-3\.3-", "llama3.3"),
    ("meta-llama", r"llama-4-", "llama4"),
    ("cohereforai", r"(?:c4ai-)?(?:command|aya)-", "cc-by-nc-4.0"),
    ("coherelabs", r"(?:c4ai-)?(?:command|aya)-", "cc-by-nc-4.0"),
    ("qwen", r"qwen2\.5-(?:coder-|vl-)?3b|qwen2(?:\.5)?-(?:vl-)?72b", "Qwen's own"),
    ("mistralai", r"mistral-large-|codestral-22b|pixtral-large-|ministral-8b-", "Mistral's research licence"),
)
_COPIERS = frozenset({"unsloth", "nousresearch", "bnb-community"})
"""Owners on the hub whose repositories of the same name are copies of the publisher's."""


def check(run: Run) -> Iterator[Problem | Skip]:
    """Only a base that is named as its publisher names it; derived models have terms of their own."""
    card, config = run.root.one(ModelCard), run.root.one(AdapterConfig)
    own = base_of(run, config) if config and not is_denied(run, config) else None
    names = (*(card.base_model if card else ()), own)
    terms = next((found for name in names if name and (found := terms_of(name))), None)
    if card is None or card.license is None or terms is None:
        yield Skip("the card states no licence, or the base is none whose terms are known here")
    elif card.license.lower() in _OPEN:
        yield Problem(
            f"the card's licence is {card.license}, and the terms of the base model ({terms}) are narrower",
            card.at("license"),
            expected=terms,
            observed=card.license,
            severity=Severity.NOTE if _by_tool(card) else None,
        )


def _by_tool(card: ModelCard) -> bool:
    """Unsloth writes apache-2.0 into every card it makes (unsloth 2024 to 2026, save.py, MODEL_CARD)."""
    return card.license == "apache-2.0" and "unsloth" in {tag.lower() for tag in card.tags}


def terms_of(name: str) -> str | None:
    """The licence of a well-known base with terms of its own, by hub id or by the name of a local copy."""
    owner = "" if is_machine_path(name) else name.strip("/").lower().rpartition("/")[0]
    last = model_name(name)
    for publisher, pattern, terms in _TERMS:
        if owner in (publisher, "", *_COPIERS) and re.match(pattern, last):
            return terms
    return None
