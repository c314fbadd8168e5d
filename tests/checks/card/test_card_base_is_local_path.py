from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import CARD, NO_CARD, without_cards
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "card-base-is-local-path"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case() -> None:
    path = "/cheetah/input/model/groupuser/gemma-3-4b-it"
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            f"the card's base_model is a path of one machine: {path}",
            f"checkpoint-450/{CARD}",
            "base_model",
            expected="a hub id",
            observed=path,
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_cards()) == [NO_CARD]
