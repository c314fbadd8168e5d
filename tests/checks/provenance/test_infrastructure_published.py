import pytest

from auditor.checks._references import private_host
from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, run_rule, seed
from tests.checks.expecting import NOTE, WARNING, finding, found

RULE = "infrastructure-published"
DECLARED = "cheetah-fine-tuning-config.json"
POD = "fine-tuning-01jtptcd84q7n2v5x8b3k6m9r4-w7x2q"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_fails_on_the_real_case_once_for_each_kind_of_file() -> None:
    assert found(RULE, seed()) == [
        finding(
            RULE,
            WARNING,
            "the declared config names 1 host and 3 absolute paths of the training infrastructure",
            DECLARED,
            expected="public addresses and relative paths",
            observed="git.example.internal, /cheetah/input/dataset/groupuser/Card-Finance-QnA-Small, "
            "/cheetah/input/model/groupuser/gemma-3-4b-it, /cheetah/fine-tuning/output",
        ),
        finding(
            RULE,
            NOTE,
            f"event files carry the name of the machine or pod that trained: {POD}",
            f"runs/May08_02-15-44_{POD}/events.out.tfevents.1746670545.{POD}",
            observed=POD,
        ),
    ]


def test_fails_for_a_path_alone() -> None:
    edits = {DECLARED: {"/train_model_parameters/output_dir": "C:\\Users\\ada\\out"}}
    (only,) = found(RULE, healthy(json_edits=edits))
    assert only.message == (
        "the declared config names no hosts and 1 absolute path of the training infrastructure"
    )


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("git@git.dev2.acme.net:group/name.git", "git.dev2.acme.net"),
        ("https://user:pw@git.acme.lan/x", "git.acme.lan"),
        ("ssh://git@10.0.0.7:22/x", "10.0.0.7"),
        ("https://github.com/a/b", None),
        ("git@gitlab.com:a/b.git", None),
        ("https://huggingface.co/google/gemma", None),
        ("git@git.example.com:a/b.git", None),
        ("google/gemma-3-4b-it", None),
        ("adamw_torch", None),
    ],
)
def test_private_host(text: str, host: str | None) -> None:
    assert private_host(text) == host


def test_says_when_it_cannot_look() -> None:
    outcome = run_rule(RULE, memory_snapshot("broken", {DECLARED: b"["}))
    assert [item.reason for item in outcome.not_applicable] == [f"{DECLARED} was not read: unreadable"]
