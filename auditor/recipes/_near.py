"""Which known key an unknown one was meant to be."""

import re
from collections.abc import Iterable, Mapping

ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("r", "lora_r", "lora_rank", "rank"), "r"),
    **dict.fromkeys(("lora_target", "lora_target_modules", "target_modules"), "target_modules"),
    **dict.fromkeys(
        ("cutoff_len", "sequence_len", "max_seq_length", "max_length", "max_seq_len"), "max_length"
    ),
    **dict.fromkeys(("num_epochs", "num_train_epochs", "epochs"), "num_train_epochs"),
    **dict.fromkeys(("lr", "learning_rate"), "learning_rate"),
    **dict.fromkeys(("optimizer", "optim"), "optim"),
    **dict.fromkeys(("lr_scheduler", "lr_scheduler_type", "scheduler"), "lr_scheduler_type"),
    **dict.fromkeys(("micro_batch_size", "per_device_train_batch_size"), "per_device_train_batch_size"),
    **dict.fromkeys(("gradient_accumulation", "gradient_accumulation_steps"), "gradient_accumulation_steps"),
}
"""Names that platforms have for one thing, with the canonical one."""
_SHORT = 8
"""Keys shorter than this may differ by one edit only; longer ones by two."""
_LONGEST = 60
_WORD = 4
"""Words of so many letters and fewer, between underscores, are rather other words than slips."""
_LETTERS = re.compile(r"[^a-z0-9]")


def near(key: str, known: Iterable[str]) -> str | None:
    """The known key that differs from this one by a slip of the pen, or None.

    Slips: other case or separators (``learning-rate``), or one edit (insertion, deletion, replacement, swap of
    neighbours), two in keys of eight letters and more. Keys that differ in their digits only (``fp8`` and ``fp16``,
    ``adam_beta2`` and ``adam_beta3``) or in a whole short word (``use_dora`` and ``use_mora``) are different keys.
    """
    if len(key) > _LONGEST or not key:
        return None
    plain, known = _plain(key), list(known)
    best: tuple[int, str] | None = None
    for other in known:
        if _plain(other) == plain:
            return other
        limit = 1 if min(len(key), len(other)) < _SHORT else 2
        if abs(len(key) - len(other)) > limit or _same_but_digits(key, other):
            continue
        if _other_word(key, other, known):
            continue
        apart = distance(key, other, limit)
        if apart <= limit and (best is None or apart < best[0]):
            best = (apart, other)
    return best[1] if best else None


def _plain(key: str) -> str:
    return _LETTERS.sub("", key.lower())


def _same_but_digits(one: str, other: str) -> bool:
    return re.sub(r"\d", "", one) == re.sub(r"\d", "", other)


def _other_word(one: str, other: str, known: list[str]) -> bool:
    """Whether a short word between the underscores is another one (val_size and max_size, use_dora and use_mora)."""
    mine, theirs = one.split("_"), other.split("_")
    if len(mine) != len(theirs):
        return False
    differing = [(a, b) for a, b in zip(mine, theirs, strict=True) if a != b and min(len(a), len(b)) <= _WORD]
    return any(
        (a[:1] != b[:1] and not _lost_its_first(a, b, known)) or distance(a, b, 2) > 1 for a, b in differing
    )


def _lost_its_first(one: str, other: str, known: list[str]) -> bool:
    """Whether a word lacks its first letter (``teps``), and what is left is no word of its own (``lora``, ``val``)."""
    shorter, longer = sorted((one, other), key=len)
    return (
        len(longer) > _WORD and longer[1:] == shorter and all(shorter not in key.split("_") for key in known)
    )


def distance(one: str, other: str, limit: int) -> int:
    """Edits between two strings (Damerau-Levenshtein, neighbours swapped count once); above ``limit`` any number."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        previous, before, row = before, row, [i]
        for j, mark in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != mark))
            if previous and j > 1 and letter == other[j - 2] and one[i - 2] == mark:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]
