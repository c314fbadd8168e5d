import random
import string

import pytest

from auditor.sources.directory import memory_snapshot
from tests.builders.repositories import healthy, run_rule, seed
from tests.checks.expecting import ERROR, finding, found
from tests.checks.safety.pickled import training_args

RULE = "secret-published"


def drawn(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Characters of nobody's token, put together when the test runs."""
    return "".join(random.Random(7).choices(alphabet, k=length))


def test_passes() -> None:
    assert found(RULE, healthy()) == []


@pytest.mark.parametrize(
    ("secret", "kind"),
    [
        ("hf_" + drawn(34), "a Hugging Face token"),
        ("ghp_" + drawn(36), "a GitHub token"),
        ("glpat-" + drawn(20), "a GitLab token"),
        ("AKIA" + drawn(16, string.ascii_uppercase + string.digits), "an AWS access key"),
    ],
)
def test_fails_and_never_prints_the_token(secret: str, kind: str) -> None:
    text = f"# notes\nexport KEY={secret}\n"
    (only,) = found(RULE, healthy(text={"notes/run.sh": text}))
    assert only == finding(
        RULE,
        ERROR,
        f"line 2 holds what looks like {kind}: {secret[:6]}…",
        "notes/run.sh",
        expected="no secret in the repository",
        observed=kind,
    )


def test_fails_for_a_password_in_an_address_without_printing_it() -> None:
    password = drawn(16)
    edits = {
        "cheetah-fine-tuning-config.json": {
            "/dataset/dataset_repository": f"https://bot:{password}@git.example.com/a/b.git"
        }
    }
    (only,) = found(RULE, healthy(json_edits=edits))
    assert only.observed == "a password in an address"
    assert password not in repr(only)


def test_fails_for_a_private_key() -> None:
    text = "-----BEGIN OPENSSH " + "PRIVATE KEY-----\n" + drawn(64) + "\n"
    (only,) = found(RULE, healthy(text={"deploy.txt": text}))
    assert only.observed == "a private key"


@pytest.mark.parametrize(
    "text",
    [
        "hf_" + "x" * 34,
        "AKIAIOSFODNN7EXAMPLE",
        "https://user:your_token_here@huggingface.co",
        "https://oauth2:${TOKEN}@git.example.com",
        "hf_" + drawn(60),
        "the prefix hf_ alone",
    ],
)
def test_passes_what_only_looks_alike(text: str) -> None:
    assert found(RULE, healthy(text={"README.md": text})) == []


def test_fails_for_a_token_inside_pickled_arguments() -> None:
    secret = "hf_" + drawn(34)
    data = {"training_args.bin": training_args(output_dir="out", hub_token=secret)}
    (only,) = found(RULE, healthy(data=data))
    assert only == finding(
        RULE,
        ERROR,
        "the training arguments hold `hub_token`, readable for everybody who unpickles the file",
        "training_args.bin",
        "hub_token",
        expected="null",
        observed="a token",
    )


def test_fails_once_for_a_token_under_both_of_its_names() -> None:
    secret = "hf_" + drawn(34)
    data = {"training_args.bin": training_args(output_dir="out", hub_token=secret, push_to_hub_token=secret)}
    (only,) = found(RULE, healthy(data=data))
    assert only.message == (
        "the training arguments hold `hub_token` and `push_to_hub_token`, readable for everybody who unpickles the file"
    )


def test_says_when_it_cannot_look() -> None:
    outcome = run_rule(RULE, seed())
    assert [item.reason for item in outcome.not_applicable] == [
        "checkpoint-450/training_args.bin was not read: unfetched",
        "training_args.bin was not read: unfetched",
    ]
    broken = run_rule(RULE, memory_snapshot("broken", {"training_args.bin": b"PK"}))
    assert [item.reason for item in broken.not_applicable] == ["training_args.bin was not read: unreadable"]
