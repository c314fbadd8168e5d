import shutil
from pathlib import Path

from auditor.model import Snapshot
from tests.builders.repositories import TINY_BASE, healthy, seed
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


BASE_CARD = "# A base\n\n" + "".join(
    f"Sentence number {number} about how to tune it with LoRA.\n" for number in range(12)
)


def base_with_card(folder: Path) -> Path:
    base = folder / "base"
    shutil.copytree(TINY_BASE, base, ignore=shutil.ignore_patterns("*.safetensors"))
    (base / "README.md").write_text(BASE_CARD)
    return base


def test_passes_a_copy_with_a_sentence_about_the_adapter(tmp_path: Path) -> None:
    base = base_with_card(tmp_path)
    own = BASE_CARD + "\nThis repository holds an adapter for it.\n"
    assert [f for f in found(RULE, with_card(own), base=base) if f.at.path == CARD] == []
    assert [
        f for f in found(RULE, with_card("# Mine\n" + BASE_CARD[:300]), base=base) if f.at.path == CARD
    ] == []


def test_fails_for_the_lines_of_the_base_s_card(tmp_path: Path) -> None:
    (only,) = found(RULE, with_card(BASE_CARD), base=base_with_card(tmp_path))
    assert only == finding(
        RULE,
        WARNING,
        "the card repeats the base model's and adds nothing about an adapter",
        CARD,
        expected="a card that describes this adapter",
        observed="A base",
    )


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_cards()) == [NO_CARD]
