from tests.builders.repositories import healthy
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.tokenizer.files import CONFIG

RULE = "added-tokens-disagree"


def listed(**tokens: str) -> dict[str, object]:
    return {"/added_tokens_decoder": {key[1:]: {"content": text} for key, text in tokens.items()}}


def test_passes_equal_lists_and_ids_of_one_file_only() -> None:
    # fixtures/tiny_base.py, SPECIAL: <pad>, <eos>, <bos>, <unk>, ...
    edits = {CONFIG: listed(_0="<pad>", _1="<eos>", _999="<mine>")}
    assert found(RULE, healthy(json_edits=edits)) == []


def test_fails_for_two_tokens_of_one_id() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: listed(_0="<pad>", _1="<bos>", _2="<eos>")})) == [
        finding(
            RULE,
            WARNING,
            '2 ids name another token in tokenizer.json, first 1: "<bos>" here, "<eos>" there',
            CONFIG,
            "/added_tokens_decoder/1",
            expected="<eos>",
            observed="<bos>",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert set(reasons(RULE, healthy())) == {
        "tokenizer_config.json lists no added tokens (transformers 5 writes none)"
    }
