"""Traces of a base model's own card: its title, its makers, its benchmark tables; and of an adapter's."""

import re
from collections.abc import Iterator

from auditor.artifacts.model_card import ModelCard
from auditor.checks._references import sizes
from auditor.checks._wording import shown

TEXT_LIMIT = 400_000
"""Characters of a card that are searched."""
_ADAPTER = re.compile(r"\b(?:q?lora|peft|adapters?|qalora|dora)\b", re.IGNORECASE)
_MAKERS = re.compile(
    r"(?:authors?|developed by|(?:model )?developers?|model creators?|maintained by)\W{0,8}"
    r"(google(?: deepmind)?|meta(?: ai)?|mistral(?: ai)?|qwen team|qwen|alibaba(?: cloud)?|microsoft|deepseek(?:-ai)?|"
    r"tii|ibm|nvidia|cohere|01\.ai|stability ai|eleutherai|databricks|openai)\b",
    re.IGNORECASE,
)
_TERMS = re.compile(
    r"^\W{0,4}(?:model page|terms of use|model release date|technical report|resources and technical documentation)\b",
    re.IGNORECASE | re.MULTILINE,
)
_BENCHMARKS = (
    *("mmlu", "hellaswag", "boolq", "piqa", "arc-c", "arc-e", "arc_challenge", "gsm8k", "humaneval", "mbpp"),
    *(
        "truthfulqa",
        "winogrande",
        "triviaqa",
        "big-bench",
        "bbh",
        "agieval",
        "gpqa",
        "ifeval",
        "natural questions",
    ),
    *("socialiqa", "drop", "mgsm", "docvqa", "mmmu", "mt-bench"),
)
_MINE = re.compile(r"\b(?:fine-?tun\w*|adapter|q?lora|ours|this model|trained)\b", re.IGNORECASE)
ENOUGH = 2
"""Independent traces of the base's card that make one; each alone is in honest cards too."""
LONG, LINES, SHARE = 20, 10, 0.9
"""What makes one card a copy of another: see `repeats`."""
ROWS = 3
"""Known benchmarks that make a table one of benchmarks."""


def text_of(card: ModelCard) -> str:
    """The part of the card's text that is searched."""
    return card.body[:TEXT_LIMIT]


def speaks_of_adapter(card: ModelCard) -> bool:
    """Whether text or tags name an adapter, LoRA or PEFT."""
    return _ADAPTER.search(text_of(card)) is not None or any(_ADAPTER.search(tag) for tag in card.tags)


def repeats(card: ModelCard, original: ModelCard) -> bool:
    """Whether a card holds nine tenths of another's lines, and none of its own lines speaks of an adapter.

    Of the lines with 20 characters and more; ten of them at least, fewer are in any two cards.
    """
    known, mine = (
        {line.strip() for line in text_of(one).splitlines() if len(line.strip()) >= LONG}
        for one in (original, card)
    )
    if len(known) < LINES or len(known & mine) < SHARE * len(known):
        return False
    return not any(_ADAPTER.search(line) for line in mine - known)


def makers(card: ModelCard) -> str | None:
    """The sentence part in which a publisher of base models signs (``Authors**: Google DeepMind``)."""
    match = _MAKERS.search(text_of(card))
    return " ".join(match.group(0).replace("*", "").split()) if match else None


def title_of_base(card: ModelCard, base: str) -> str | None:
    """The card's title when it names the base's family and no more (``Gemma 3 model card``)."""
    title = card.title
    if title is None or len(title) > 200:
        return None
    words = _words(title)
    family = _words(base)
    extra = {"model", "card", "models", "family", "the", "information"}
    own = [word for word in words if word not in extra]
    return title if own and set(own) <= set(family) and any(word.isalpha() for word in own) else None


def has_terms(card: ModelCard) -> bool:
    """Whether the card holds a publisher's own lines: model page, terms of use, release date."""
    return _TERMS.search(text_of(card)) is not None


def base_tables(card: ModelCard, base: str) -> tuple[str, ...]:
    """Header lines of benchmark tables whose columns are models of the base's family, by name and size."""
    family = next((word for word in _words(base) if word.isalpha() and len(word) > 2), "")
    return tuple(
        head
        for head, rows in _tables(text_of(card))
        if _known(rows) >= ROWS
        and family
        and family in head.lower()
        and sizes(head)
        and not _MINE.search(head)
    )


def traces_of(card: ModelCard, base: str) -> Iterator[str]:
    """Sentences on what in a card comes from the base's."""
    title, signature = title_of_base(card, base), makers(card)
    if title:
        yield f"the title is {shown(title)}"
    if signature:
        yield f"it is signed: {signature}"
    tables = base_tables(card, base)
    if tables:
        yield f"it holds {len(tables)} benchmark table{'s' if len(tables) > 1 else ''} of the base's family"
    if has_terms(card):
        yield "it holds the publisher's own links (model page, terms of use)"


def _known(rows: list[str]) -> int:
    names = [row.strip().strip("|").partition("|")[0].strip(" *[]").lower() for row in rows]
    return sum(any(name.startswith(known) for known in _BENCHMARKS) for name in names)


def _tables(text: str) -> Iterator[tuple[str, list[str]]]:
    """Header and body rows of every Markdown table."""
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith("|"):
            block.append(line)
        else:
            if len(block) > 2:
                yield block[0], block[2:]
            block = []


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+(?:\.\d+)?", re.split(r"[/\\]", name.rstrip("/\\"))[-1].lower())
