from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import CARD, NO_CARD, honest, with_card, without_cards
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "card-template-unfilled"
HOLE = "\n[More Information Needed]\n"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, with_card(honest() + HOLE * 3)) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            NOTE,
            "39 sections of the card hold the template's placeholder",
            f"checkpoint-450/{CARD}",
            expected="at most 3",
            observed="39",
        )
    ]


def test_fails_above_three() -> None:
    assert len(found(RULE, with_card(honest() + HOLE * 4))) == 1


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_cards()) == [NO_CARD]
