import pytest

from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons

RULE = "base-revision-not-pinned"
CONFIG = "adapter_config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_an_adapter_without_a_named_base() -> None:
    edits = {CONFIG: {"/revision": None, "/base_model_name_or_path": None}}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_on_the_real_case() -> None:
    says = "`revision` is null, so the content of the base model is not pinned"
    assert found(RULE, seed(without=["checkpoint-450/"])) == [
        finding(RULE, NOTE, says, CONFIG, "/revision", expected="a commit", observed="null")
    ]


@pytest.mark.parametrize("branch", ["main", "master"])
def test_fails_for_a_branch(branch: str) -> None:
    (only,) = found(RULE, healthy(json_edits={CONFIG: {"/revision": branch}}))
    assert only.message == f"`revision` is {branch}, so the content of the base model is not pinned"


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, memory_snapshot("none", {})) == ["no adapter_config.json is in the repository"]
