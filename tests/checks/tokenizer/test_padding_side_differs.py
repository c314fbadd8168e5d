from tests.builders.repositories import DELETE, healthy, seed
from tests.checks.expecting import WARNING, finding, found, reasons

RULE = "padding-side-differs"
CONFIG = "tokenizer_config.json"
DECLARED = "cheetah-fine-tuning-config.json"


def test_passes() -> None:
    assert found(RULE, healthy()) == []
    assert found(RULE, seed()) == []


def test_fails() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/padding_side": "left"}})) == [
        finding(
            RULE,
            WARNING,
            "padding is declared right, and the tokenizer pads left",
            CONFIG,
            "/padding_side",
            expected="right",
            observed="left",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    silent = healthy(json_edits={DECLARED: {"/tokenizer_parameters/padding": DELETE}})
    assert reasons(RULE, silent) == ["the declaration or tokenizer_config.json names no padding side"] * 3
    assert reasons(RULE, healthy(without=[DECLARED])) == ["no declared training config was found"]
