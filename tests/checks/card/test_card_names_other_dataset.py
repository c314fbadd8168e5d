from tests.builders.repositories import healthy, seed
from tests.checks.card.cards import CARD, replaced
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "card-names-other-dataset"
DECLARED = "cheetah-fine-tuning-config.json"
KEY = "/dataset/dataset_repository"
NAME = "- tiny-labs/tiny-sums"


def test_passes_a_copy_under_another_owner() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, replaced(NAME, "- someone/tiny-sums-clean")) == []


def test_fails_for_other_data() -> None:
    assert found(RULE, replaced(NAME, "- tiny-labs/tiny-poems")) == [
        finding(
            RULE,
            WARNING,
            "the card names tiny-labs/tiny-poems, and the declared dataset is "
            "git@git.example.com:tiny-labs/tiny-sums.git",
            CARD,
            "datasets",
            expected="git@git.example.com:tiny-labs/tiny-sums.git",
            observed="tiny-labs/tiny-poems",
            evidence=(f"{DECLARED} declares git@git.example.com:tiny-labs/tiny-sums.git",),
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed()) == ["the dataset is not named in both the card and a declared config"]
    for path in ("data/train.jsonl", "train", "/data/sums"):
        assert reasons(RULE, healthy(json_edits={DECLARED: {KEY: path}})) == [
            "the declared dataset is a path or a file, whose name need not be the dataset's"
        ]
