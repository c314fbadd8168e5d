r"""The published adapter states no licence.

An adapter is a work derived from its base: Gemma's, Llama's and other terms ask that they be passed on, and
without any licence nobody may use it. Hubs read `license` from the front matter (huggingface_hub 2.4.0,
repocard_data.py); PEFT's own card states none (peft 0.21.2, peft_model.py).

Only an adapter at the top of the repository is judged, for that is what is published; a card that is still PEFT's
template, or whose front matter cannot be read, is another rule's matter.

Wrong when: the licence stands in a file with another name than LICENSE, or the repository is private.

Fix: write `license:` into the card, the base's unless its terms allow another, or add a LICENSE file.

Bad:
    README.md: "license: apache-2.0\n" -> ""

Good:
    README.md: "license: apache-2.0\n" -> ""
    LICENSE: = "Apache License, version 2.0"
"""

from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks.card._judged import why_not_judged
from auditor.model import Location, Problem, Severity, Skip, name_of
from auditor.runs import Run

SEVERITY = Severity.WARNING

_FILES = ("license", "licence", "copying", "notice")


def check(run: Run) -> Iterator[Problem | Skip]:
    """Only the card beside the published adapter counts, not those of checkpoints."""
    card, config = run.root.one(ModelCard), run.root.one(AdapterConfig)
    if card is None or config is None:
        yield Skip("no card is beside the run's own adapter")
        return
    reason = why_not_judged(run, card)
    if reason is not None:
        yield Skip(reason)
        return
    names = (name_of(path).lower() for path in run.contents.snapshot.files)
    if card.license is None and not any(name.startswith(_FILES) for name in names):
        yield Problem(
            "no licence is stated, neither in the card nor in a file of its own",
            Location(card.path, "license"),
            expected="license: in the card, or a LICENSE file",
            observed="none",
        )
