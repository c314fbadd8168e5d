from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.card.cards import CARD, NO_CARD, replaced, without_cards
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "card-peft-version-too-old"
LINE = "- PEFT 0.21.2"
# `kasa_config` is a field of LoraConfig in the wheel of peft 0.21.2 and of no older one that was read.
WHY = "exactly the 41 keys that PEFT 0.21.0 or newer writes"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_the_real_case_whose_keys_fit_its_card() -> None:
    assert found(RULE, seed()) == []


def test_passes_a_newer_card_over_older_keys() -> None:
    assert found(RULE, replaced(LINE, "- PEFT 0.30.0")) == []


def test_passes_a_development_build_on_the_way_to_the_release() -> None:
    # PEFT's main branch was called 0.20.1.dev0 when the keys of 0.21 were added.
    assert found(RULE, replaced(LINE, "- PEFT 0.20.1.dev0")) == []


def test_fails() -> None:
    assert found(RULE, replaced(LINE, "- PEFT 0.13.2")) == [
        finding(
            RULE,
            WARNING,
            "the card says PEFT 0.13.2, and adapter_config.json was written by PEFT 0.21.0 or newer",
            CARD,
            "PEFT",
            expected="0.21.0 or newer",
            observed="0.13.2",
            evidence=(WHY,),
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_cards()) == [NO_CARD]
    silent = "the card names no PEFT release, or the adapter's keys do not date it"
    alone = ["checkpoint-9/", "checkpoint-18/"]
    assert reasons(RULE, replaced(LINE, "", without=alone)) == [silent]
    edits = {"adapter_config.json": {"/peft_type": DELETE}}
    assert reasons(RULE, healthy(json_edits=edits, without=alone)) == [silent]
