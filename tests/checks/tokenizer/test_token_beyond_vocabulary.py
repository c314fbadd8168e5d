import json
from typing import Any

import numpy

from tests.builders.repositories import TINY_BASE, healthy
from tests.checks.adapter.tensors import Tensors, changed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.tokenizer.files import CONFIG, VOCABULARY, vocabulary

RULE = "token-beyond-vocabulary"
ROWS = 448  # fixtures/tiny_base.py, VOCABULARY


def grown(document: Any) -> None:
    document["added_tokens"].append({"id": ROWS, "content": "<tool>"})


def test_passes() -> None:
    assert json.loads((TINY_BASE / "config.json").read_text())["text_config"]["vocab_size"] == ROWS
    assert found(RULE, healthy(), base=TINY_BASE) == []


def test_passes_where_the_adapter_holds_the_embedding() -> None:
    def saved(tensors: Tensors) -> None:
        name = "base_model.model.model.language_model.embed_tokens.weight"
        tensors[name] = numpy.zeros((ROWS + 1, 64), numpy.float32)

    assert found(RULE, healthy(data={**changed(saved), **vocabulary(grown)}), base=TINY_BASE) == []


def test_fails_for_a_token_without_a_row() -> None:
    assert found(RULE, healthy(data=vocabulary(grown)), base=TINY_BASE) == [
        finding(
            RULE,
            WARNING,
            '1 token has an id beyond the model\'s 448 embeddings, first 448 "<tool>", and the adapter holds no '
            "embedding",
            "tokenizer.json",
            expected="ids below 448, or embeddings in the adapter",
            observed="id 448",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["the base model's configuration is not known (give --base DIR)"]
    gone = [
        f"{folder}{name}"
        for folder in ("", "checkpoint-9/", "checkpoint-18/")
        for name in (VOCABULARY, CONFIG)
    ]
    assert reasons(RULE, healthy(without=gone), base=TINY_BASE) == [
        "no tokenizer file lists its tokens by id"
    ]
