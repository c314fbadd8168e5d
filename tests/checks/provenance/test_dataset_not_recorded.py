import pytest

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, WARNING, finding, found, reasons

RULE = "dataset-not-recorded"
DECLARED = "cheetah-fine-tuning-config.json"
INSTEAD = "a commit, a number of rows or a digest"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize(
    "edits",
    [
        {DECLARED: {"/dataset/dataset_branch": "0123456789abcdef0123456789abcdef01234567"}},
        {DECLARED: {"/dataset/num_rows": 450}},
    ],
)
def test_passes_with_a_commit_or_with_rows(edits: dict[str, dict[str, object]]) -> None:
    assert found(RULE, seed(json_edits=edits)) == []


def test_passes_with_the_number_of_rows_in_the_results() -> None:
    assert found(RULE, seed(text={"all_results.json": '{"train_samples": 450}'})) == []


def test_fails_on_the_real_case() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "no commit, number of rows or digest says which content the declared dataset had",
            DECLARED,
            "/dataset/dataset_repository",
            expected=INSTEAD,
            observed="branch main",
        )
    ]


def test_fails_mildly_when_only_the_card_names_it() -> None:
    assert found(RULE, healthy(without=[DECLARED])) == [
        finding(
            RULE,
            NOTE,
            "the card names tiny-labs/tiny-sums without commit, rows or digest",
            "README.md",
            expected=INSTEAD,
            observed="a name only",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(without=[DECLARED])) == ["no file names the dataset"]
