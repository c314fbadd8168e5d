from tests.builders.repositories import healthy, seed
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.tokenizer.files import CONFIG, VOCABULARY

RULE = "tokenizer-vocabulary-missing"
CONFIGS = [f"{folder}{CONFIG}" for folder in ("", "checkpoint-9/", "checkpoint-18/")]


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []  # tokenizer.json is there, unfetched


def test_passes_other_vocabularies_and_tokenizers_of_bytes() -> None:
    for name in ("tokenizer.model", "qwen.tiktoken", "vocab.txt"):
        assert found(RULE, healthy(data={name: b"x"}, without=[VOCABULARY])) == []
    byte = {CONFIG: {"/tokenizer_class": "ByT5Tokenizer"}}
    assert found(RULE, healthy(json_edits=byte, without=[VOCABULARY])) == []


def test_fails_as_a_note() -> None:
    assert found(RULE, healthy(without=[VOCABULARY])) == [
        finding(
            RULE,
            NOTE,
            "tokenizer_config.json has no vocabulary beside it",
            CONFIG,
            expected="tokenizer.json",
            observed="no file of a vocabulary",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy(without=CONFIGS)) == [
        "no tokenizer_config.json is beside a published adapter"
    ]
