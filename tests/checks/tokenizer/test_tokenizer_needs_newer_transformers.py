from tests.builders.repositories import DELETE, healthy
from tests.checks.expecting import NOTE, finding, found, reasons
from tests.checks.tokenizer.files import CONFIG

RULE = "tokenizer-needs-newer-transformers"


def test_passes_a_class_that_all_releases_have() -> None:
    assert found(RULE, healthy()) == []


def test_fails_as_a_note() -> None:
    assert found(RULE, healthy(json_edits={CONFIG: {"/tokenizer_class": "TokenizersBackend"}})) == [
        finding(
            RULE,
            NOTE,
            "tokenizer_class is TokenizersBackend, which releases of transformers before 5 do not have",
            CONFIG,
            "/tokenizer_class",
            expected="PreTrainedTokenizerFast, or a reader with transformers 5 or newer",
            observed="TokenizersBackend",
        )
    ]


def test_says_when_it_cannot_look() -> None:
    edits = {
        f"{folder}{CONFIG}": {"/tokenizer_class": DELETE}
        for folder in ("", "checkpoint-9/", "checkpoint-18/")
    }
    assert set(reasons(RULE, healthy(json_edits=edits))) == {"tokenizer_config.json names no tokenizer_class"}
