from auditor.model import Snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import CARD, NO_CARD, real, with_card, without_cards
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "card-is-of-base-model"


def copied(text: str) -> Snapshot:
    return seed(text={CARD: text})


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_card_that_speaks_of_the_adapter() -> None:
    assert found(RULE, copied(real() + "\nThis is a LoRA adapter.\n")) == []


def test_passes_one_trace_alone() -> None:
    # A short honest card may carry the base's name for a title, or quote its makers.
    assert found(RULE, copied("---\nlicense: gemma\n---\n\n# Gemma 3 4B it\n\nTuned for cards.\n")) == []
    assert found(RULE, copied("# Card questions\n\nThe base was developed by Google DeepMind.\n")) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "the card is the base model's: it names neither adapter nor LoRA nor PEFT",
            CARD,
            expected="a card that describes this adapter",
            observed="Gemma 3 model card",
            evidence=(
                'the title is "Gemma 3 model card"',
                "it is signed: Authors: Google DeepMind",
                "it holds 1 benchmark table of the base's family",
                "it holds the publisher's own links (model page, terms of use)",
            ),
        )
    ]


def test_fails_for_makers_and_tables_under_another_title() -> None:
    (only,) = found(
        RULE, copied(real().replace("# Gemma 3 model card", "# My model").replace("**Model Page**", "x"))
    )
    assert only.evidence[0] == "it is signed: Authors: Google DeepMind"


def test_passes_a_card_of_nothing() -> None:
    assert found(RULE, with_card("")) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_cards()) == [NO_CARD]
