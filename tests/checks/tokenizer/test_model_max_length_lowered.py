from tests.builders.repositories import TINY_BASE, healthy
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.tokenizer.files import CONFIG, base_file

RULE = "model-max-length-lowered"


def test_passes() -> None:
    assert found(RULE, healthy(), base=TINY_BASE) == []
    assert found(RULE, healthy(json_edits={CONFIG: {"/model_max_length": 256}}), base=TINY_BASE) == []


def test_fails_as_a_note_with_the_declared_length() -> None:
    # The base's tokenizer has no limit, its text model 256 positions; 64 is the declared max_length.
    assert base_file("config.json")["text_config"]["max_position_embeddings"] == 256
    assert found(RULE, healthy(json_edits={CONFIG: {"/model_max_length": 64}}), base=TINY_BASE) == [
        finding(
            RULE,
            NOTE,
            "model_max_length is 64, and the base's configuration has 256",
            CONFIG,
            "/model_max_length",
            expected="256",
            observed="64",
            evidence=("it is the declared length of a training text",),
        )
    ]


def test_says_when_it_cannot_look() -> None:
    assert reasons(RULE, healthy()) == ["the base model's folder was not given (--base DIR)"]
    gone = [f"{folder}{CONFIG}" for folder in ("", "checkpoint-9/", "checkpoint-18/")]
    assert reasons(RULE, healthy(without=gone), base=TINY_BASE) == [
        "the adapter has no tokenizer_config.json, or the base states no length"
    ]
