from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import CARD, honest, real, replaced, with_card, without_cards
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "dataset-not-named"
LINES = "datasets:\n- tiny-labs/tiny-sums\n"
PHRASE = ", trained on short sentences about sums"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_sentence_on_the_data() -> None:
    assert PHRASE in honest().replace("\n", " ")
    assert found(RULE, replaced(LINES, "")) == []


def test_passes_the_name_of_the_declared_dataset() -> None:
    assert found(RULE, seed(text={CARD: real() + "\nTuned with card-finance-qna-small.\n"})) == []


def test_fails_on_the_real_case_whose_card_speaks_of_the_base_s_data() -> None:
    assert "### Training Dataset" in real()
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "the card names no dataset",
            CARD,
            "datasets",
            expected="the declared dataset, Card-Finance-QnA-Small",
            observed="none",
        )
    ]


def test_fails_for_a_card_without_a_word() -> None:
    bare = "---\nlicense: mit\n---\n\n# An adapter\n\nA LoRA adapter.\n"
    (only,) = found(RULE, with_card(bare, without=["cheetah-fine-tuning-config.json"]))
    assert only.expected == "a dataset"


def test_fails_for_a_template_whose_headings_and_comments_speak_of_data() -> None:
    template = (
        "---\nlicense: mit\n---\n# A LoRA adapter\n\n"
        "## Training Data\n\n<!-- Link to the dataset\n-->\n[More Information Needed]\n"
    )
    assert len(found(RULE, with_card(template))) == 1
    assert found(RULE, with_card(template + "\nSums from our own dataset.\n")) == []


def test_passes_a_card_in_another_language() -> None:
    assert found(RULE, with_card("# LoRA\n\n**数据**: 40,443 条 SFT 样本\n")) == []


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, without_cards()) == ["no card is beside the run's own adapter"]


def test_cannot_look_at_cards_that_are_no_publication() -> None:
    """A project's page, the file of a subfolder, a template and a generated card are not judged."""
    page = with_card("# My project\n\nA LoRA adapter.\n")
    assert reasons(RULE, page) == ["the adapter is a file inside a project, whose own pages say such things"]
    template = "---\nlicense: mit\n---\n" + "[More Information Needed]\n" * 9
    assert reasons(RULE, with_card(template)) == ["the card is an unfilled template, which is one finding"]
    written = "---\nlicense: mit\n---\n# Model\n\nThis model was trained using AutoTrain.\n"
    assert reasons(RULE, with_card(written)) == ["the card is as a training program generates it"]
