import pytest

from auditor.model import Severity
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found

RULE = "merge-conflict-left"
BOTH = "<<<<<<< HEAD\n{mine}\n=======\n{other}\n>>>>>>> origin/main\n"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


@pytest.mark.parametrize(
    "text",
    [
        "# Card\n\nA heading\n=======\n\n>>>>>>> quoted deeply\n",
        "# How to merge\n\n```\n" + BOTH + "```\n",
        "<<<<<<< HEAD\nonly one marker\n",
    ],
)
def test_passes_pages_that_only_look_alike(text: str) -> None:
    assert found(RULE, memory_snapshot("x", {"docs/README.md": text.encode()})) == []


@pytest.mark.parametrize(
    ("path", "severity"),
    [
        ("adapter_config.json", ERROR),
        ("checkpoint-9/trainer_state.json", ERROR),
        ("config/train.yml", ERROR),
        (".gitattributes", WARNING),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_fails(path: str, severity: Severity, newline: str) -> None:
    text = BOTH.format(mine="r: 8", other="r: 16").replace("\n", newline)
    assert found(RULE, healthy(text={path: text})) == [
        finding(
            RULE,
            severity,
            f"{path} holds the markers of a merge conflict",
            path,
            expected="one side",
            observed="both",
        )
    ]


def test_fails_in_the_text_of_a_card_and_leaves_its_head_to_another_rule() -> None:
    conflict = BOTH.format(mine="Trained on a.", other="Trained on b.")
    (item,) = found(RULE, memory_snapshot("x", {"README.md": f"# Card\n\n{conflict}".encode()}))
    assert item.severity is WARNING
    above = f"<<<<<<< HEAD\n---\nbase_model: a/b\n---\n=======\n>>>>>>> x\n\n{conflict}"
    assert found(RULE, memory_snapshot("x", {"README.md": above.encode()})) == []


def test_cannot_look_into_what_was_not_fetched_or_is_too_large() -> None:
    text = BOTH + "x" * (4 * 1024 * 1024)
    assert found(RULE, healthy(text={"large.yaml": text})) == []


def test_many_markers_take_no_time() -> None:
    assert found(RULE, memory_snapshot("x", {"a.yaml": b"<<<<<<< HEAD\n" * 200_000})) == []
