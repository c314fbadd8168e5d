from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import CARD, NO_CARD, replaced, with_card, without_cards
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "library-name-not-peft"
LINE = "library_name: peft"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, replaced(LINE + "\n", "")) == []


def test_passes_beside_merged_weights() -> None:
    assert found(RULE, replaced(LINE, "library_name: transformers", data={"model.safetensors": b""})) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "library_name is transformers, and the folder holds a PEFT adapter",
            CARD,
            "library_name",
            expected="peft",
            observed="transformers",
        )
    ]


def test_fails_as_a_note_where_a_tag_says_what_it_is() -> None:
    # The honest card is tagged base_model:adapter:...
    (only,) = found(RULE, replaced(LINE, "library_name: transformers"))
    assert only.severity is NOTE


def test_fails_as_a_note_where_the_card_is_the_one_that_trl_writes() -> None:
    # trl 0.12.2, templates/lm_model_card.md: no tag of its own, one sentence.
    text = "---\nlibrary_name: transformers\n---\n\nIt has been trained using [TRL](https://github.com/huggingface/trl).\n"
    (only,) = found(RULE, with_card(text))
    assert only.severity is NOTE


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_cards()) == [NO_CARD]


def test_passes_unsloth_which_loads_adapters_itself() -> None:
    assert found(RULE, replaced(LINE, "library_name: unsloth")) == []
