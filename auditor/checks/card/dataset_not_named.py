r"""The card does not say on which data the adapter was trained.

Without it nobody can judge what the adapter knows, whether the data's licence allows its use, or whether a
test set was among it. Hubs read `datasets` from the front matter (huggingface_hub 2.4.0, repocard_data.py); PEFT,
which writes the first card, does not know the data (peft 0.21.2, peft_model.py, `create_or_update_model_card`).

Only an adapter at the top of the repository is judged, for that is what is published; a card that is still PEFT's
template, or whose front matter cannot be read, is another rule's matter.

Wrong when: the data may not be named; then the card should say that.

Fix: write `datasets:` into the card, or a sentence on the data.

Bad:
    README.md: "datasets:\n- tiny-labs/tiny-sums\n" -> ""
    README.md: ", trained on short sentences about sums" -> ""

Good:
    # a sentence on the data is enough
    README.md: "datasets:\n- tiny-labs/tiny-sums\n" -> ""
"""

import re
from collections.abc import Iterator

from auditor.artifacts.adapter_config import AdapterConfig
from auditor.artifacts.model_card import ModelCard
from auditor.checks.card import _upstream
from auditor.checks.card._judged import why_not_judged
from auditor.claims import DECLARED, Ledger
from auditor.model import Location, Problem, Severity, Skip
from auditor.runs import Run

SEVERITY = Severity.WARNING

_SPOKEN = re.compile(
    r"\bdata ?sets?\b|\btrain(?:ed|ing)\s+(?:on|data|corpus|set)\b|fine-?tun\w+\s+(?:\w+\s+){0,4}on\b|"
    r"huggingface\.co/datasets/|\bcorpus\b|\bkaggle\b|数据|語料|语料|데이터|データ|данны|datos|données|daten\b",
    re.IGNORECASE,
)


def check(run: Run, ledger: Ledger) -> Iterator[Problem | Skip]:
    """What a base model's copied card says about its data says nothing about this adapter's."""
    card, config = run.root.one(ModelCard), run.root.one(AdapterConfig)
    if card is None or config is None:
        yield Skip("no card is beside the run's own adapter")
        return
    reason = why_not_judged(run, card)
    if reason is not None:
        yield Skip(reason)
        return
    declared = ledger.value("dataset", DECLARED)
    if (
        card.datasets
        or any(tag.startswith("dataset:") for tag in card.tags)
        or _mentions(card, config, declared)
    ):
        return
    yield Problem(
        "the card names no dataset",
        Location(card.path, "datasets"),
        expected=f"the declared dataset, {_last(declared)}" if isinstance(declared, str) else "a dataset",
        observed="none",
    )


def _mentions(card: ModelCard, config: AdapterConfig, declared: object) -> bool:
    text = _upstream.text_of(card)
    if isinstance(declared, str) and _last(declared).lower() in text.lower():
        return True
    base = config.base_model_name_or_path or ""
    copied = (
        not _upstream.speaks_of_adapter(card)
        and len(tuple(_upstream.traces_of(card, base))) >= _upstream.ENOUGH
    )
    return not copied and _SPOKEN.search(_prose(text)) is not None


def _prose(text: str) -> str:
    """The text without HTML comments and headings, in which a template speaks of data too."""
    head, *rest = text.split("<!--")
    shown = head + " ".join(part.partition("-->")[2] for part in rest)
    return "\n".join(line for line in shown.splitlines() if not line.startswith("#"))


def _last(name: str) -> str:
    return re.split(r"[/\\:]", name.rstrip("/\\"))[-1].removesuffix(".git")
