from typing import Any

from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.tokenizer.files import VOCABULARY, vocabulary

RULE = "tokenizer-truncates"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_filling_up_to_the_longest_of_a_batch() -> None:
    # tokenizers, utils/padding.rs: the strategy is "BatchLongest" or {"Fixed": n}.
    snapshot = healthy(
        data=vocabulary(lambda document: document.update(padding={"strategy": "BatchLongest"}))
    )
    assert found(RULE, snapshot) == []


def test_fails_as_a_note() -> None:
    def fixed(document: Any) -> None:
        document["truncation"] = {"max_length": 512, "stride": 0}
        document["padding"] = {"strategy": {"Fixed": 512}}

    assert found(RULE, healthy(data=vocabulary(fixed))) == [
        finding(
            RULE,
            NOTE,
            "the saved tokenizer cuts every text at 512 tokens and fills every text up to 512 tokens",
            VOCABULARY,
            "/truncation",
            expected="null",
            observed="512",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert all("its content" in reason for reason in reasons(RULE, seed()))
