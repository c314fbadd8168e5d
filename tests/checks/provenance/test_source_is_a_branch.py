import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.checks._references import is_commit
from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "source-is-a-branch"
DECLARED = "cheetah-fine-tuning-config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case_for_both_sources() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            f"{what} is declared by the branch 'main', not by a commit",
            DECLARED,
            member,
            expected="a commit id",
            observed="main",
        )
        for what, member in (
            ("the dataset", "/dataset/dataset_branch"),
            ("the base model", "/model/model_branch"),
        )
    ]


@pytest.mark.parametrize(
    "name", ["main", "v1.0", "feedface", "release-2025", "0123456789abcdef0"[:6], "", None, 7]
)
def test_what_is_no_commit(name: object) -> None:
    assert not is_commit(name)


@given(st.binary(min_size=20, max_size=20) | st.binary(min_size=32, max_size=32))
def test_every_object_id_is_a_commit(oid: bytes) -> None:
    assert is_commit(oid.hex())


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, seed(without=[DECLARED])) == ["no declared training config was found"]
    none = {DECLARED: {"/dataset/dataset_branch": DELETE, "/model/model_branch": DELETE}}
    assert reasons(RULE, seed(json_edits=none)) == [
        "the declared config names no revision of dataset or base model"
    ]
