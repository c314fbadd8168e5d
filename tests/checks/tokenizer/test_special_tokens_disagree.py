from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "special-tokens-disagree"
MAP = "special_tokens_map.json"


def test_passes() -> None:
    assert found(RULE, seed()) == []
    # Of two forms of one token only the text counts.
    tokens = '{"eos_token": {"content": "<eos>", "lstrip": false}, "cls_token": "<cls>"}'
    assert found(RULE, healthy(text={MAP: tokens})) == []


def test_fails() -> None:
    assert found(RULE, healthy(text={MAP: '{"eos_token": "<end>", "pad_token": "<pad>"}'})) == [
        finding(
            RULE,
            WARNING,
            'eos_token is "<end>" in special_tokens_map.json and "<eos>" in tokenizer_config.json',
            MAP,
            "/eos_token",
            expected="<eos>",
            observed="<end>",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["no special_tokens_map.json is in the repository"]
