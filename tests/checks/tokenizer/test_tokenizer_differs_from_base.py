from typing import Any

import pytest

from auditor.checks.tokenizer.tokenizer_differs_from_base import ids
from tests.builders.repositories import TINY_BASE, healthy, seed
from tests.checks.expecting import ERROR, WARNING, finding, found, reasons
from tests.checks.tokenizer.files import base_file, vocabulary

RULE = "tokenizer-differs-from-base"
PIECES = 448  # fixtures/tiny_base.py, VOCABULARY


def test_passes() -> None:
    assert found(RULE, healthy(), base=TINY_BASE) == []


def test_passes_settings_of_the_last_call_and_tokens_behind_the_last() -> None:
    def later(document: Any) -> None:
        document["truncation"] = {"max_length": 64}
        document["added_tokens"].append({"id": PIECES, "content": "<tool>"})

    assert found(RULE, healthy(data=vocabulary(later)), base=TINY_BASE) == []


def test_fails_for_moved_and_missing_pieces() -> None:
    def swapped(document: Any) -> None:
        words = document["model"]["vocab"]
        words["a"], words["b"] = words["b"], words["a"]
        del words["c"]

    known = base_file("tokenizer.json")["model"]["vocab"]
    (only,) = found(RULE, healthy(data=vocabulary(swapped)), base=TINY_BASE)
    assert only == finding(
        RULE,
        WARNING,
        '3 pieces of the base\'s 448 have another id or none, first "a"',
        "tokenizer.json",
        expected=f'"a" as {known["a"]}',
        observed=f'"a" as {known["b"]}',
        evidence=("checkpoint-18/tokenizer.json is another one",),
    )


def test_fails_gravely_for_pieces_with_each_others_ids() -> None:
    def exchanged(document: Any) -> None:
        words = document["model"]["vocab"]
        words["1"], words["2"] = words["2"], words["1"]

    known = base_file("tokenizer.json")["model"]["vocab"]
    (only,) = found(RULE, healthy(data=vocabulary(exchanged)), base=TINY_BASE)
    assert only == finding(
        RULE,
        ERROR,
        '2 pieces of the base\'s 448 have another id or none, first "1"',
        "tokenizer.json",
        expected=f'"1" as {known["1"]}',
        observed=f'"1" as {known["2"]}',
        evidence=("checkpoint-18/tokenizer.json is another one",),
    )


@pytest.mark.parametrize(
    ("vocab", "expected"),
    [
        ({"a": 3}, {"a": 3}),
        ([["a", -0.5], ["b", -1.0]], {"a": 0, "b": 1}),  # Unigram: the id is the place in the list
        (7, None),
    ],
)
def test_ids_of_each_kind_of_vocabulary(vocab: object, expected: object) -> None:
    assert ids({"model": {"vocab": vocab}}) == expected


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["the base model's folder was not given (--base DIR)"]
    (reason,) = reasons(RULE, seed(), base=TINY_BASE)
    assert reason.startswith("a tokenizer.json its content")
    gone = ["tokenizer.json", "checkpoint-9/tokenizer.json", "checkpoint-18/tokenizer.json"]
    assert reasons(RULE, healthy(without=gone), base=TINY_BASE) == [
        "no tokenizer.json is beside the adapter, or none beside the base"
    ]
