from tests.builders.repositories import healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons
from tests.checks.tokenizer.files import CONFIG, VOCABULARY

RULE = "special-token-not-in-vocabulary"


def test_passes() -> None:
    assert found(RULE, healthy()) == []


def test_passes_a_token_that_json_escapes() -> None:
    # U+2581 stands in the vocabulary as it is, and in another writer's file as \u2581.
    edits = {CONFIG: {"/sep_token": "▁"}}
    assert found(RULE, healthy(json_edits=edits)) == []
    escaped = {VOCABULARY: b'{"model": {"vocab": {"\\u2581": 1}}}'}
    only = ("bos", "eos", "pad", "unk", "mask", "boi", "eoi", "image")
    edits = {CONFIG: {f"/{name}_token": "▁" for name in only}}
    snapshot = healthy(json_edits=edits, data=escaped, without=["special_tokens_map.json"])
    assert [f for f in found(RULE, snapshot) if f.at.path == CONFIG] == []


def test_fails_for_a_token_of_another_model() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/eos_token": "<|im_end|>"}})) == [
        finding(
            RULE,
            WARNING,
            'tokenizer.json does not hold eos_token "<|im_end|>"',
            CONFIG,
            "/eos_token",
            expected="a token of the vocabulary",
            observed="<|im_end|>",
        )
    ]


def test_passes_the_fill_token_that_is_split_at_and_never_encoded() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/fill_token": "<FILL_ME>"}})) == []


def test_says_when_it_cannot_look() -> None:
    (reason, *_) = reasons(RULE, healthy(without=[VOCABULARY, "checkpoint-9/", "checkpoint-18/"]))
    assert reason == "no tokenizer.json is in the repository"
    assert any("tokenizer.json its content" in reason for reason in reasons(RULE, seed()))
