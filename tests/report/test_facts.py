"""Changed facts in one line."""

import pytest

from auditor.model import Change
from auditor.report._facts import fact_text

LONG = [f"*.suffix{number}" for number in range(20)]


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (8, 16, "8 → 16"),
        (None, "peft", "null → peft"),
        (["a"], ["a", "b"], '["a"] → ["a", "b"]'),
        (LONG, [*LONG[1:], "new", 7], "+2: new, 7; −1: *.suffix0"),
        (frozenset(LONG), frozenset(LONG[:-1]), "−1: *.suffix19"),
        ("# Card\n" * 50 + "by one", "# Card\n" * 50 + "by two", "…ard # Card by one → …ard # Card by two"),
        ("# Card\n" * 50, "# Card\n" * 50 + "more", "…# Card # Card → …# Card # Card more"),
        ("one " * 50, "two " * 50, "one one one one one one one… → two two two two two two two…"),
        (LONG, LONG[::-1], "the same entries in another order or number"),
    ],
)
def test_says_what_differs(base: object, head: object, expected: str) -> None:
    assert fact_text(Change("key", "changed", base, head), 60) == expected


def test_keeps_to_its_room() -> None:
    assert len(fact_text(Change("key", "changed", "x" * 500, LONG * 50), 60)) <= 60
    assert len(fact_text(Change("key", "changed", LONG, [name + "x" for name in LONG]), 60)) <= 60
