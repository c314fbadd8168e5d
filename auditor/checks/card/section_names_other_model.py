r"""A section of the card says another model in its text than in its heading.

The heading gives one size and the sentence below it, which says what was fine-tuned, another one; the
adapters of the repository are of the heading's size, and none is of the sentence's. PEFT loads the adapter
onto the base that adapter_config.json names (peft 0.21.2, auto.py), whatever the card says. Such sentences
are left over from an earlier plan or copied from another section, and a reader takes the wrong base for the
adapter.

Wrong when: the section is about a model that is published elsewhere, and its name only looks like another size.

Fix: name in the sentence the base that adapter_config.json names.

Bad:
    adapter_config.json: /base_model_name_or_path = "acme/tiny-8b"
    README.md: + "\n## Sums 8B\n\nFine-tuned Other 70B for sums.\n"

Good:
    adapter_config.json: /base_model_name_or_path = "acme/tiny-8b"
    README.md: + "\n## Sums 8B\n\nFine-tuned Tiny 8B for sums.\n"
"""

import re
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks._base_names import model_name
from auditor.checks._references import sizes
from auditor.model import Problem, Severity, Skip
from auditor.runs import Contents

SEVERITY = Severity.WARNING

_TUNED = re.compile(r"[*_>\s-]{0,6}(?:an?\s|the\s)?fine-?tuned\s+(.{3,80})", re.IGNORECASE)
_ENDS = re.compile(r"\s(?:for|on|to|with|using|by|from)\s|[.,;:(](?:\s|$)", re.IGNORECASE)


def check(contents: Contents) -> Iterator[Problem | Skip]:
    """Only where both sizes are stated and an adapter of the repository decides between them."""
    held = _sizes_held(contents)
    if not held:
        yield Skip("no adapter of the repository names a base with its size")
        return
    for folder in contents.folders.values():
        for card in folder.all(ModelCard):
            yield from _judge(card, held)


def _judge(card: ModelCard, held: set[str]) -> Iterator[Problem]:
    for heading, line in _sections(card.body):
        tuned = _TUNED.match(line)
        if tuned is None:
            continue
        phrase = _ENDS.split(f" {tuned.group(1)}")[0].strip()
        above, below = sizes(heading), sizes(phrase)
        if above & held and below and not below & (held | above):
            yield Problem(
                f'the section "{heading[:80]}" says that {phrase} was fine-tuned, and no adapter here is of that size',
                card.at(heading[:80]),
                expected="the model of the heading, which an adapter here is made for",
                observed=phrase,
            )


def _sizes_held(contents: Contents) -> set[str]:
    return {
        size
        for folder in contents.folders.values()
        for config in folder.all(AdapterConfig)
        if config.is_peft and config.base_model_name_or_path
        for size in sizes(model_name(config.base_model_name_or_path))
    }


def _sections(body: str) -> Iterator[tuple[str, str]]:
    """Each heading with the first line of text below it."""
    heading = None
    for line in body.splitlines():
        if line.startswith("#"):
            heading = line.strip("# \t")
        elif line.strip() and heading is not None:
            yield heading, line[:300]
            heading = None
